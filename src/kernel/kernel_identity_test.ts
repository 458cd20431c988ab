import { test } from "node:test";
import assert from "node:assert/strict";
import { FakeProc, metadataEnd, podCgroup } from "../../tests/fakes/fake_proc.ts";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import type { KernelIdentity } from "./kernel_identity.ts";
import { openKernel } from "./open_kernel.ts";

/** What a request waits for the proof of its connection. */
const requestWaitMs = 900;

test("an agent that starts on a busy node proves its first connections at once", async () => {
  const clock = new ManualClock();
  const proc = new FakeProc();
  const pods = Array.from({ length: 50 }, (_, at) => ({
    uid: `00000000-0000-4000-8000-${String(at).padStart(12, "0")}`,
    ip: `10.0.1.${at}`,
  }));
  const processes = pods.map(({ uid, ip }) => proc.pod(uid, [ip]));
  // Each step takes 40 ms, a quarter of it on the processor.
  let cpuMs = 0;
  proc.beforeRead = () =>
    new Promise((resolve) => {
      cpuMs += 10;
      clock.after(40, resolve);
    });
  let isOpen = false;
  const opening = openKernel({
    files: proc,
    clock,
    cpuMs: () => cpuMs,
    metadata: [{ address: "169.254.169.254", port: 80 }],
    listening: [],
    redirectedTo: null,
    usedChanged: () => {},
    saved: {},
  }).finally(() => isOpen = true);
  while (!isOpen) await clock.advance(10);
  const opened = await opening;
  assert.ok(opened.kind === "opened");
  const proofs: (string | undefined)[] = [];
  for (const { ip } of pods.slice(0, 10)) {
    const end = `${ip}:40000`;
    proc.connect(processes[proofs.length]!.namespace, end);
    const [local, localPort] = metadataEnd.split(":");
    const connection = { peer: ip, peerPort: 40000, local: local!, localPort: Number(localPort) };
    const at = proofs.push(undefined) - 1;
    void opened.kernel.prove(connection).then((proof) => {
      proofs[at] = proof.kind === "proven" ? proof.pod : proof.reason;
    });
  }
  await clock.advance(requestWaitMs);
  assert.deepEqual(proofs, pods.slice(0, 10).map(({ uid }) => uid));
});

const uid = (at: number) => `00000000-0000-4000-8000-00000000000${at}`;

async function opened(files: FakeProc): Promise<KernelIdentity> {
  const opening = await openKernel({
    files,
    clock: new ManualClock(),
    cpuMs: () => 0,
    metadata: [{ address: "169.254.169.254", port: 80 }],
    listening: [],
    redirectedTo: null,
    usedChanged: () => {},
    saved: {},
  });
  assert.ok(opening.kind === "opened");
  return opening.kernel;
}

test("a pod is proven though a dead pod's PID and network namespace are used again, by different pods", async () => {
  const proc = new FakeProc();
  const gone = proc.pod(uid(1), ["10.0.1.1"]);
  const kernel = await opened(proc);
  proc.exit(gone);
  const namespace = { ...proc.namespace(["10.0.1.2"]), inode: gone.namespace.inode };
  proc.start({ cgroup: podCgroup(uid(2)), namespace });
  const other = proc.namespace(["10.0.1.3"]);
  proc.start({ pid: gone.pid, cgroup: podCgroup(uid(3)), namespace: other });
  for (const [at, ip, of] of [[2, "10.0.1.2", namespace], [3, "10.0.1.3", other]] as const) {
    proc.connect(of, `${ip}:40000`);
    const proof = await kernel.prove({
      peer: ip,
      peerPort: 40000,
      local: "169.254.169.254",
      localPort: 80,
    });
    assert.deepEqual(proof, { kind: "proven", pod: uid(at) });
  }
});

test("a pod is proven though another one's namespace has the number of the namespace that had its address", async () => {
  const proc = new FakeProc();
  const gone = proc.pod(uid(1), ["10.0.1.1"]);
  const kernel = await opened(proc);
  const prove = (peerPort: number) =>
    kernel.prove({ peer: "10.0.1.1", peerPort, local: "169.254.169.254", localPort: 80 });
  // Searches of all namespaces for that address are used up.
  for (const port of [50000, 50001]) {
    assert.deepEqual(await prove(port), { kind: "unproven", reason: "no_socket" });
  }
  proc.exit(gone);
  const namespace = { ...proc.namespace(["10.0.1.2"]), inode: gone.namespace.inode };
  proc.start({ cgroup: podCgroup(uid(2)), namespace });
  const next = proc.pod(uid(3), ["10.0.1.1"]);
  proc.connect(next.namespace, "10.0.1.1:40000");
  assert.deepEqual(await prove(40000), { kind: "proven", pod: uid(3) });
});
