/** Waits for a signal: the pod of a DaemonSet must keep running when its work is done. */
import process from "node:process";

process.on("SIGTERM", () => process.exit(0));
setInterval(() => {}, 2 ** 30);
