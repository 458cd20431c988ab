/** A process of its own for tests: listens, says its port, logs and stops when told. */
import { createHost } from "../../src/runtime/process.ts";

const host = createHost();
const limit = Math.floor(host.openFilesLimit() / 2) - 1;
const listener = await host.listen({
  host: "127.0.0.1",
  port: 0,
  handler: () => {
    const filled = host.args[0] === "logs" ? fillLog() : 0;
    return { status: 200, headers: [], body: `${host.openFilesLimit()} ${filled}` };
  },
  limits: {
    maxConnections: limit,
    maxConnectionsPerPeer: limit,
    headersTimeoutMs: 60_000,
    requestTimeoutMs: 60_000,
    keepAliveTimeoutMs: 60_000,
    maxHeaderBytes: 16_384,
  },
});

/** Until a line is left out; how many weren't. */
function fillLog(): number {
  for (let lines = 0;; lines++) {
    if (!host.writeLog("x".repeat(1023) + "\n")) return lines;
  }
}

host.onStop(async (signal) => {
  host.writeOut(`stopping ${signal}\n`);
  if (host.args[0] === "linger") return;
  await listener.close(0);
  host.exit(0);
});
host.writeOut(`port ${listener.port}\n`);
