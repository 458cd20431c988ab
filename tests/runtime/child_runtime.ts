/** A separate process for tests: listens, prints its port, logs, and stops on a signal. */
import { createRuntime } from "../../src/runtime/process.ts";

const runtime = createRuntime();
const limit = Math.floor(runtime.openFilesLimit() / 2) - 1;
const listener = await runtime.listen({
  host: "127.0.0.1",
  port: 0,
  handler: () => {
    const filled = runtime.args[0] === "logs" ? fillLog() : 0;
    return { status: 200, headers: [], body: `${runtime.openFilesLimit()} ${filled}` };
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
    if (!runtime.writeLog("x".repeat(1023) + "\n")) return lines;
  }
}

runtime.onStop(async (signal) => {
  runtime.writeOut(`stopping ${signal}\n`);
  if (runtime.args[0] === "linger") return;
  await listener.close(0);
  runtime.exit(0);
});
runtime.writeOut(`port ${listener.port}\n`);
