import { test } from "node:test";
import assert from "node:assert/strict";
import { FakeProc, podCgroup } from "../../tests/fakes/fake_proc.ts";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import { openKernel } from "./open_kernel.ts";
import type { ProcFiles } from "../runtime/runtime.ts";

const agentPod = "00000000-0000-0000-0000-0000000000aa";

function open(files: ProcFiles) {
  return openKernel({
    files,
    clock: new ManualClock(),
    cpuMs: () => 0,
    metadata: [],
    listening: [],
    redirectedTo: null,
    usedChanged: () => {},
    saved: {},
  });
}

const absent = (code: string) => () =>
  Promise.reject(Object.assign(new Error(`${code}: not there`), { code }));
const nothing = (list: () => Promise<readonly string[]>): ProcFiles => ({
  list,
  link: absent("ENOENT"),
  inode: absent("ENOENT"),
  text: absent("ENOENT"),
  open: absent("ENOENT"),
});

/** PID 1's cgroup, the agent's own. */
function proc(first: string, own: string): FakeProc {
  const fake = new FakeProc();
  fake.process(1)!.cgroup = first;
  fake.process(101)!.cgroup = own;
  return fake;
}

function broken(path: RegExp, code: string): FakeProc {
  const fake = new FakeProc();
  fake.broken.set(path, code);
  return fake;
}

function hidden(): FakeProc {
  const fake = new FakeProc();
  fake.exit({ pid: 1 });
  return fake;
}

function elsewhere(): FakeProc {
  const fake = new FakeProc();
  fake.hideSelf();
  return fake;
}

// name, /proc, what is wrong with it
const problems: readonly (readonly [string, ProcFiles, RegExp])[] = [
  ["not mounted", nothing(absent("ENOENT")), /no such directory; mount the host's \/proc/],
  ["not permitted", nothing(absent("EACCES")), /EACCES/],
  ["an empty folder", nothing(() => Promise.resolve([])), /not a procfs; mount the host's/],
  ["a folder of files", nothing(() => Promise.resolve(["1", "self"])), /not a procfs/],
  ["another PID namespace's", elsewhere(), /this agent isn't in it: .* another PID namespace/],
  ["hidepid=1", broken(/^1\//, "EPERM"), /hidepid; remount it with hidepid=0/],
  ["hidepid=2", hidden(), /hidepid; remount it with hidepid=0/],
  [
    "the container's own, cgroup v1",
    proc(podCgroup(agentPod), podCgroup(agentPod)),
    /container's own \/proc/,
  ],
  ["the container's own, cgroup v2", proc("0::/\n", "0::/\n"), /container's own \/proc/],
  [
    "the host's, of an agent in no pod",
    proc("0::/init.scope\n", "0::/system.slice/a.service\n"),
    /own pod isn't in it/,
  ],
];

for (const [name, files, problem] of problems) {
  test(`openKernel() with a /proc that is ${name}: says so`, async () => {
    const opened = await open(files);
    assert.ok(opened.kind === "problem");
    assert.match(opened.problem, problem);
    assert.doesNotMatch(opened.problem, /\n/);
  });
}

test("podsWith() counts pods that hold a capability", async () => {
  const fake = new FakeProc();
  for (const [n, capabilities] of ["00000000a80425fb", "0", "2000", "1fff"].entries()) {
    fake.pod(`00000000-0000-4000-8000-00000000000${n}`, []).capabilities = capabilities;
  }
  const opened = await open(fake);
  assert.ok(opened.kind === "opened");
  assert.equal(await opened.kernel.podsWith(13), 2);
});

// PID 1's cgroup, the agent's own
const usable = [
  ["cgroup v1", "1:name=systemd:/init.scope\n", podCgroup(agentPod)],
  ["cgroup v2, its own cgroup namespace", "0::/../../../../init.scope\n", "0::/\n"],
  ["a node in a cgroup namespace", "0::/\n", podCgroup(agentPod)],
] as const;

for (const [name, first, own] of usable) {
  test(`openKernel() with the host's /proc, ${name}`, async () => {
    const opened = await open(proc(first, own));
    assert.equal(opened.kind, "opened");
  });
}
