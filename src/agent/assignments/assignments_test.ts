import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock, settled } from "../../../tests/fakes/manual_clock.ts";
import { deniedFrame, podFrame, roleFrame } from "../../../tests/fakes/frames.ts";
import type { AssignFrame, Frame } from "../../protocol/frames.ts";
import { Assignments } from "./assignments.ts";
import type { ReadPod } from "./direct_reads.ts";

const ip = "10.0.0.7";
const at = { ips: [ip] };
const synced: Frame = { type: "synced" };
const fresh: Frame = { type: "ping", watchAgeSeconds: 1 };
const stale: Frame = { type: "ping", watchAgeSeconds: 16 };
const hour = 3_600_000;
const never = new AbortController().signal;

function setUp(readPod: ReadPod = () => Promise.resolve(null)) {
  const clock = new ManualClock();
  const wanted: number[] = [];
  const assignments = new Assignments({
    clock,
    graceMs: 25_000,
    readPod,
    ownAddresses: new Set(["10.0.0.1"]),
    wanted: () => wanted.push(clock.now()),
  });
  const connect = (...frames: Frame[]) => {
    const stream = assignments.openStream();
    for (const frame of frames) stream.apply(frame);
    return stream;
  };
  const ready = (uid: string, extra: { identity?: string; key?: string } = {}, pod = at) =>
    roleFrame(uid, { expiresAt: clock.now() + hour, ...extra }, pod);
  return { clock, assignments, connect, ready, wanted };
}

/** What is answered at the address, in one word or the access key id. */
function answer(assignments: Assignments, address = ip): string {
  const found = assignments.find(address);
  if (found.kind !== "pod") return found.kind;
  const { outcome } = found.pod;
  if (outcome.kind !== "ready") return outcome.kind;
  return JSON.parse(new TextDecoder().decode(outcome.role.document)).AccessKeyId;
}

test("a pod is found by its canonical address once the server is synced and fresh", () => {
  const { assignments, connect, ready } = setUp();
  const stream = connect(ready("a", {}, { ips: ["::ffff:10.0.0.7", "FD00::0007"] }));
  assert.equal(answer(assignments), "stale");
  stream.apply(synced);
  assert.equal(answer(assignments), "stale");
  stream.apply(fresh);
  assert.equal(answer(assignments), "a/identity");
  assert.equal(answer(assignments, "fd00::7"), "a/identity");
  assert.equal(answer(assignments, "10.0.0.8"), "unknown");
});

test("host-network pods and the node's own addresses are never found", () => {
  const { assignments, connect, ready } = setUp();
  const host = podFrame("h", { ips: [ip], hostNetwork: true });
  connect(fresh, host, ready("a", {}, { ips: ["10.0.0.1"] }), synced);
  assert.equal(answer(assignments), "unknown");
  assert.equal(answer(assignments, "10.0.0.1"), "unknown");
  assert.equal(assignments.size, 2);
});

test("two claims get an answer to neither until one yields", () => {
  const { assignments, connect, ready } = setUp();
  const stream = connect(fresh, ready("a"), synced, ready("b"));
  assert.equal(answer(assignments), "conflict");
  stream.apply(ready("a", {}, { ips: [] }));
  assert.equal(answer(assignments), "b/identity");
});

// what is told of the old pod and of the new one at the same address, answer
const older = { ...at, createdAt: "2026-01-01T00:00:00Z" };
const newer = { ...at, createdAt: "2026-01-01T00:00:05Z" };
const successions = [
  ["an old pod being deleted yields", { ...older, terminating: true }, newer, "b/identity"],
  ["also where the new one is being deleted", { ...older, terminating: true }, {
    ...newer,
    terminating: true,
  }, "b/identity"],
  ["an old pod that lives does not", older, newer, "conflict"],
  ["nor one of the same second", { ...older, terminating: true }, older, "conflict"],
  ["a new pod being deleted doesn't yield", older, { ...newer, terminating: true }, "conflict"],
  ["a server that tells no age", { ...at, terminating: true }, at, "conflict"],
] as const;

for (const [name, before, now, expected] of successions) {
  test(`an address used again: ${name}`, () => {
    const { assignments, connect, ready } = setUp();
    const pods = [before, now].map((pod) => ({ ...pod, ips: [...pod.ips] }));
    const stream = connect(fresh, ready("a", {}, pods[0]), synced);
    assert.equal(answer(assignments), "a/identity");
    stream.apply(ready("b", {}, pods[1]));
    assert.equal(answer(assignments), expected);
    stream.apply({ type: "revoke", uid: "a" });
    assert.equal(answer(assignments), "b/identity");
  });
}

const stops = [
  ["a denial", deniedFrame("a", at), "denied"],
  ["no role", podFrame("a", at), "none"],
  ["another identity", roleFrame("a", { identity: "other", expiresAt: null }, at), "pending"],
  ["a revoke", { type: "revoke", uid: "a" }, "unknown"],
  ["pending, same identity", roleFrame("a", { expiresAt: null }, at), "a/identity"],
] as const satisfies readonly (readonly [string, Frame, string])[];

for (const [name, frame, expected] of stops) {
  test(`after ${name} the answer is ${expected}, in a snapshot too`, () => {
    const { assignments, connect, ready } = setUp();
    const stream = connect(fresh, ready("a"), synced);
    stream.apply(frame);
    assert.equal(answer(assignments), expected);

    const other = setUp();
    other.connect(fresh, other.ready("a"), synced).close();
    other.connect(frame);
    assert.equal(answer(other.assignments), expected);
  });
}

test("credentials that have ended are pending, at the second they end", async () => {
  const { assignments, clock, connect, ready } = setUp();
  const stream = connect(fresh, ready("a"), synced);
  await clock.advance(hour - 1);
  stream.apply(fresh);
  assert.equal(answer(assignments), "a/identity");
  await clock.advance(1);
  assert.equal(answer(assignments), "pending");
});

test("a snapshot drops what it didn't name, when it is whole and not before", () => {
  const { assignments, connect, ready } = setUp();
  connect(fresh, ready("a"), ready("b", {}, { ips: ["10.0.0.8"] }), synced).close();
  const next = connect(roleFrame("b", { expiresAt: null }, { ips: ["10.0.0.8"] }));
  assert.equal(answer(assignments), "a/identity");
  next.apply(synced);
  assert.equal(answer(assignments), "unknown");
  assert.equal(answer(assignments, "10.0.0.8"), "b/identity");
});

test("while an older stream goes on, the next counts from its fresh, whole snapshot", () => {
  const { assignments, connect, ready } = setUp();
  const old = connect(fresh, ready("a"), synced);
  const next = connect(ready("a", { key: "next" }), stale, synced);
  assert.equal(answer(assignments), "a/identity");
  assert.equal(next.leads, false);
  old.apply(ready("a", { key: "old" }));
  assert.equal(answer(assignments), "old");
  next.apply(fresh);
  assert.equal(next.leads, true);
  assert.equal(answer(assignments), "next");
  old.apply(deniedFrame("a", at));
  assert.equal(answer(assignments), "next");
});

test("when the older stream ends first, the next one's frames count at once", () => {
  const { assignments, connect, ready } = setUp();
  const old = connect(fresh, ready("a"), synced);
  connect(deniedFrame("a", at));
  assert.equal(answer(assignments), "a/identity");
  old.close();
  assert.equal(answer(assignments), "denied");
});

test("a replica that lags can't bring back a pod revoked by another", async () => {
  const { assignments, clock, connect, ready } = setUp();
  const old = connect(fresh, ready("a"), synced, { type: "revoke", uid: "a" });
  old.close();
  const next = connect(fresh, ready("a"), synced);
  assert.equal(answer(assignments), "unknown");
  await clock.advance(30_000);
  next.apply(fresh);
  next.apply(ready("a"));
  assert.equal(answer(assignments), "a/identity");
});

test("without word of a fresh watch answers end after the grace", async () => {
  const { assignments, clock, connect, ready } = setUp();
  const stream = connect(fresh, ready("a"), synced);
  await clock.advance(25_000);
  stream.apply(stale);
  assert.equal(answer(assignments), "a/identity");
  await clock.advance(1);
  assert.equal(answer(assignments), "stale");
  stream.apply(fresh);
  assert.equal(answer(assignments), "a/identity");
});

test("a snapshot from a stalled server is answered by until its last word is 30 s old", async () => {
  const { assignments, clock, connect, ready } = setUp();
  connect(fresh, ready("a"), synced).close();
  connect({ type: "ping", watchAgeSeconds: 20 }, ready("a"), synced).close();
  await clock.advance(10_000);
  assert.equal(answer(assignments), "a/identity");
  await clock.advance(1);
  assert.equal(answer(assignments), "stale");
  connect(fresh, ready("a"), synced).close();
  connect({ type: "ping", watchAgeSeconds: 31 }, ready("a"), synced);
  assert.equal(answer(assignments), "stale");
});

test("a stalled server confirms nothing", async () => {
  const { assignments, clock, connect, ready } = setUp();
  connect(stale, ready("a"), synced).close();
  assert.equal(answer(assignments), "stale");
  connect(fresh, ready("a"), synced).close();
  await clock.advance(24_000);
  connect(stale, ready("a"), synced);
  await clock.advance(1_001);
  assert.equal(answer(assignments), "stale");
});

test("settle() wakes at the frame that brings the credentials", async () => {
  const { assignments, clock, connect, ready, wanted } = setUp();
  const stream = connect(fresh, roleFrame("a", { expiresAt: null }, at), synced);
  const settling = assignments.waitFor(ip, 900, never);
  assert.equal(assignments.waiting, 1);
  stream.apply(ready("a"));
  const found = await settling;
  assert.equal(found.kind === "pod" && found.pod.outcome.kind, "ready");
  assert.equal(clock.pending(), 0);
  assert.equal(wanted.length, 1);
});

test("settle() gives what is known when its time is up, or the client gone", async () => {
  const { assignments, clock, connect } = setUp();
  connect(fresh, roleFrame("a", { expiresAt: null }, at), synced);
  const settling = assignments.waitFor(ip, 900, never);
  await clock.advance(900);
  const found = await settling;
  assert.equal(found.kind === "pod" && found.pod.outcome.kind, "pending");

  const gone = new AbortController();
  const left = assignments.waitFor("10.0.0.9", 900, gone.signal);
  gone.abort();
  assert.deepEqual(await left, { kind: "unknown" });
  assert.equal(clock.pending(), 0);
});

test("an unknown address is read once at a time, and a miss is kept for 2 s", async () => {
  const asked: string[] = [];
  const { assignments, clock, connect } = setUp((address) => {
    asked.push(address);
    return Promise.resolve(null);
  });
  connect(fresh, synced);
  const both = [assignments.waitFor(ip, 100, never), assignments.waitFor(ip, 100, never)];
  await clock.advance(100);
  await Promise.all(both);
  assert.deepEqual(asked, [ip]);
  await clock.advance(1899);
  await assignments.waitFor(ip, 0, never);
  const again = assignments.waitFor(ip, 10, never);
  await clock.advance(10);
  await again;
  assert.equal(asked.length, 1);
  const later = assignments.waitFor(ip, 10, never);
  await clock.advance(10);
  await later;
  assert.equal(asked.length, 2);
});

test("a direct read gives the pod, unless it was revoked or the address isn't the one", async () => {
  const reads: Record<string, AssignFrame> = {};
  const { assignments, clock, connect, ready } = setUp((address) =>
    Promise.resolve(reads[address] ?? null)
  );
  connect(fresh, synced, { type: "revoke", uid: "gone" });
  reads[ip] = ready("a");
  reads["10.0.0.8"] = ready("b", {}, { ips: ["10.0.0.9"] });
  reads["10.0.0.9"] = ready("gone", {}, { ips: ["10.0.0.9"] });
  const first = await assignments.waitFor(ip, 900, never);
  assert.equal(first.kind, "pod");
  for (const address of ["10.0.0.8", "10.0.0.9"]) {
    const settling = assignments.waitFor(address, 900, never);
    await clock.advance(900);
    assert.equal((await settling).kind, "unknown");
  }
});

test("a direct read can't undo what a frame said meanwhile", async () => {
  let give = (_: AssignFrame) => {};
  const { assignments, connect, ready } = setUp(() =>
    new Promise((resolve) => {
      give = resolve;
    })
  );
  const stream = connect(fresh, synced);
  const settling = assignments.waitFor(ip, 900, never);
  stream.apply(deniedFrame("a"));
  give(ready("a"));
  await settled();
  assert.equal(answer(assignments), "denied");
  await settling;
});

test("a clock set back by hours doesn't stretch the grace", async () => {
  const { assignments, connect, ready, clock } = setUp();
  connect(fresh, ready("a"), synced).close();
  await clock.advance(10_000);
  clock.setWall(clock.now() - 5 * hour);
  assert.equal(answer(assignments), "a/identity");
  await clock.advance(15_001);
  assert.equal(answer(assignments), "stale");
});

test("a clock set back in the middle of a wait doesn't stretch it", async () => {
  const { assignments, clock } = setUp();
  const waiting = assignments.waitFor(ip, 900, never);
  await clock.advance(10);
  clock.setWall(clock.now() - 5 * hour);
  await clock.advance(890);
  assert.equal((await waiting).kind, "unknown");
});

test("an old word shortens the grace: nothing is answered by what is older than 30 s", async () => {
  const { assignments, connect, ready, clock } = setUp();
  connect({ type: "ping", watchAgeSeconds: 14 }, ready("a"), synced);
  await clock.advance(16_000);
  assert.equal(answer(assignments), "a/identity");
  await clock.advance(1);
  assert.equal(answer(assignments), "stale");
});
