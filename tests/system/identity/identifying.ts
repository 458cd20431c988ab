/**
 * The agent's part of the identity tests: the real listener and the real kernel adapter. Each
 * request is answered with the pod that its connection was proven to be, or with the reason.
 * `identifying.ts ADDRESS PORT POD_ADDRESS=UID...` prints `listening` once it is; `metrics` on its
 * input prints what the proofs have cost since the last time.
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { openKernel } from "../../../src/kernel/open_kernel.ts";
import type { Proof } from "../../../src/kernel/kernel_identity.ts";
import { listen } from "../../../src/runtime/http/listener.ts";
import type { ConnectionEnds } from "../../../src/net/http_messages.ts";
import { cpuMs, localAddresses } from "../../../src/runtime/machine.ts";
import { procFiles } from "../../../src/runtime/proc_files.ts";
import { systemClock } from "../../../src/time/system_clock.ts";

const [address = "", port = "0", ...shown] = process.argv.slice(2);
const expected = new Map(shown.map((pod) => pod.split("=") as [string, string]));
let reads = 0;
const files = procFiles("/proc");
const opened = await openKernel({
  files: {
    ...files,
    open: (path) => {
      if (path.includes("/net/")) reads++;
      return files.open(path);
    },
  },
  clock: systemClock,
  cpuMs,
  metadata: [{ address: "169.254.169.254", port: 80 }],
  listening: localAddresses().map((own) => ({ address: own, port: Number(port) })),
  redirectedTo: new Set([address]),
  usedChanged: () => {},
  saved: {},
});
if (opened.kind === "problem") throw new Error(opened.problem);
const { kernel } = opened;

const proofs = new WeakMap<ConnectionEnds, Promise<Proof>>();
let took: number[] = [];
await listen({
  host: address,
  port: Number(port),
  limits: {
    maxConnections: 1000,
    maxConnectionsPerPeer: 128,
    headersTimeoutMs: 5000,
    requestTimeoutMs: 5000,
    // Time enough for an attacker to get ready for the end of a victim's idle connection.
    keepAliveTimeoutMs: 4000,
    maxHeaderBytes: 16_384,
  },
  accepted: (connection) => {
    const startedAt = performance.now();
    const proof = kernel.prove(connection, expected.get(connection.peer));
    void proof.then(() => took.push(performance.now() - startedAt));
    proofs.set(connection, proof);
  },
  handler: async ({ connection }) => {
    const proof = await proofs.get(connection)!;
    const body = proof.kind === "proven" ? proof.pod : proof.reason;
    return { status: 200, headers: [], body };
  },
});
console.log("listening");

const now = () => ({ cpuMs: cpuMs(), at: performance.now(), reads });
let since = now();
createInterface({ input: process.stdin }).on("line", () => {
  const sorted = took.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.floor(sorted.length * share)] ?? 0);
  const until = now();
  const usedMs = until.cpuMs - since.cpuMs;
  console.log(JSON.stringify({
    proofs: took.length,
    medianMs: at(0.5),
    slowestMs: at(0.999),
    reads: until.reads - since.reads,
    cpuMs: Math.round(usedMs),
    core: Math.round(usedMs / (until.at - since.at) * 100) / 100,
  }));
  took = [];
  since = now();
});
