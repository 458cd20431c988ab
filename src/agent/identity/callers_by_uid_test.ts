import { test } from "node:test";
import assert from "node:assert/strict";
import { callersOfTest, connectionFrom } from "../../../tests/fakes/callers.ts";
import { deniedFrame, podFrame, roleFrame } from "../../../tests/fakes/frames.ts";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { fakeSandboxes } from "../../../tests/fakes/sandboxes.ts";
import type { Frame } from "../../protocol/frames.ts";
import type { PodLookup } from "../ports.ts";

const hour = 3_600_000;
const never = new AbortController().signal;

function setUp() {
  const clock = new ManualClock();
  const wanted: number[] = [];
  const read: string[] = [];
  const { assignments, callers } = callersOfTest({
    clock,
    readPod: (ip) => {
      read.push(ip);
      return Promise.resolve(null);
    },
    wanted: () => wanted.push(clock.now()),
  });
  const stream = assignments.openStream();
  const tell = (...frames: Frame[]) => frames.forEach((frame) => stream.apply(frame));
  tell({ type: "synced" }, { type: "ping", watchAgeSeconds: 1 });
  const ready = (uid: string, pod = {}) => roleFrame(uid, { expiresAt: clock.now() + hour }, pod);
  return { clock, callers, tell, ready, wanted, read };
}

function wordFor(found: PodLookup): string {
  if (found.kind !== "pod") return found.kind;
  return `${found.pod.uid} ${found.pod.outcome.kind}`;
}

// what the server says of pod a, what is found by its UID
const frames = [
  ["a role", (ready: AsReady) => ready("a"), "a ready"],
  [
    "a role, on the node's network",
    (ready: AsReady) => ready("a", { hostNetwork: true }),
    "a ready",
  ],
  ["a role to come", () => roleFrame("a", { expiresAt: null }), "a pending"],
  ["a denial", () => deniedFrame("a"), "a denied"],
  ["no role", () => podFrame("a"), "a none"],
  ["nothing", () => podFrame("b"), "unknown"],
] as const;

type AsReady = ReturnType<typeof setUp>["ready"];

for (const [name, frameOf, word] of frames) {
  test(`findUid() of a pod of which the server says ${name}: ${word}`, () => {
    const { callers, tell, ready } = setUp();
    tell(frameOf(ready));
    assert.equal(wordFor(callers.findUid("a")), word);
  });
}

test("findUid() doesn't mind two pods at one address", () => {
  const { callers, tell, ready } = setUp();
  tell(ready("a", { ips: ["10.0.0.7"] }), ready("b", { ips: ["10.0.0.7"] }));
  assert.equal(callers.find(connectionFrom("10.0.0.7")).kind, "conflict");
  assert.equal(wordFor(callers.findUid("a")), "a ready");
});

test("findUid() ends with the pod, with the credentials, and with the server's word", async () => {
  const { clock, callers, tell, ready } = setUp();
  tell(ready("a"), roleFrame("b", { expiresAt: clock.now() + 10_000 }));
  assert.equal(wordFor(callers.findUid("b")), "b ready");
  tell({ type: "revoke", uid: "a" });
  assert.equal(wordFor(callers.findUid("a")), "unknown");
  await clock.advance(10_000);
  assert.equal(wordFor(callers.findUid("b")), "b pending");
  await clock.advance(15_001);
  assert.equal(wordFor(callers.findUid("b")), "stale");
});

test("waitForUid() waits for the pod, then for its credentials, and asks for no address", async () => {
  const { clock, callers, tell, ready, wanted, read } = setUp();
  let found: PodLookup | undefined;
  const waiting = callers.waitForUid("a", 900, never).then((given) => found = given);
  await clock.advance(100);
  tell(roleFrame("a", { expiresAt: null }));
  await clock.advance(100);
  assert.equal(found, undefined);
  assert.equal(callers.waiting, 1);
  tell(ready("a"));
  assert.equal(wordFor(await waiting), "a ready");
  assert.ok(wanted.length > 0);
  assert.deepEqual(read, []);
  assert.equal(clock.pending(), 0);
});

test("waitForUid() gives what is known when its time is up", async () => {
  const { clock, callers } = setUp();
  const waiting = callers.waitForUid("a", 900, never);
  await clock.advance(900);
  assert.equal(wordFor(await waiting), "unknown");
  assert.equal(clock.pending(), 0);
});

// whether the container runtime answers and lists a sandbox of the pod, what is found in the end
const runtimes = [
  ["lists its sandbox", true, true, "a ready"],
  ["lists none of its", true, false, "stale"],
  ["is silent", false, true, "stale"],
] as const;

for (const [name, answers, runs, word] of runtimes) {
  test(`waitForUid() long without a server, the container runtime ${name}: ${word}`, async () => {
    const clock = new ManualClock();
    const runtime = fakeSandboxes();
    if (runs) runtime.ready.set("s1", { podUid: "a", ips: [] });
    if (!answers) runtime.mood = "away";
    const { assignments, callers } = callersOfTest({ clock, runtime });
    const stream = assignments.openStream();
    stream.apply({ type: "synced" });
    stream.apply({ type: "ping", watchAgeSeconds: 1 });
    stream.apply(roleFrame("a", { expiresAt: clock.now() + hour }, { hostNetwork: true }));
    await clock.advance(60_000);
    const waiting = callers.waitForUid("a", 900, never);
    await clock.advance(900);
    assert.equal(wordFor(await waiting), word);
  });
}
