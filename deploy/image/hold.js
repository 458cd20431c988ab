/** Does nothing until it is told to end: a DaemonSet's pod must not end by itself once its work is done. */
import process from "node:process";

process.on("SIGTERM", () => process.exit(0));
setInterval(() => {}, 2 ** 30);
