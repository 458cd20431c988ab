import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock, settled } from "../../../tests/fakes/manual_clock.ts";
import { deniedFrame, podFrame, roleFrame } from "../../../tests/fakes/frames.ts";
import type { AssignFrame, Frame } from "../../protocol/frames.ts";
import { callersOfTest, connectionFrom } from "../../../tests/fakes/callers.ts";
import type { DirectReadsOptions } from "../identity/direct_reads.ts";
import type { Callers } from "../identity/callers.ts";

const ip = "10.0.0.7";
const at = { ips: [ip] };
const synced: Frame = { type: "synced" };
const fresh: Frame = { type: "ping", watchAgeSeconds: 1 };
const stale: Frame = { type: "ping", watchAgeSeconds: 16 };
const hour = 3_600_000;
const never = new AbortController().signal;

function setUp(readPod: DirectReadsOptions["readPod"] = () => Promise.resolve(null)) {
  const clock = new ManualClock();
  const wanted: number[] = [];
  const { assignments, callers } = callersOfTest({
    clock,
    readPod,
    ownAddresses: ["10.0.0.1"],
    wanted: () => wanted.push(clock.now()),
  });
  const connect = (...frames: Frame[]) => {
    const stream = assignments.openStream();
    for (const frame of frames) stream.apply(frame);
    return stream;
  };
  const ready = (uid: string, extra: { identity?: string; key?: string } = {}, pod = at) =>
    roleFrame(uid, { expiresAt: clock.now() + hour, ...extra }, pod);
  return { clock, assignments, callers, connect, ready, wanted };
}

/** What is answered at the address, in one word or the access key id. */
function answer(callers: Callers, address = ip): string {
  const found = callers.find(connectionFrom(address));
  if (found.kind !== "pod") return found.kind;
  const { outcome } = found.pod;
  if (outcome.kind !== "ready") return outcome.kind;
  return JSON.parse(new TextDecoder().decode(outcome.role.document)).AccessKeyId;
}

test("a pod is found by its canonical address once the server is synced and fresh", () => {
  const { callers, connect, ready } = setUp();
  const stream = connect(ready("a", {}, { ips: ["::ffff:10.0.0.7", "FD00::0007"] }));
  assert.equal(answer(callers), "stale");
  stream.apply(synced);
  assert.equal(answer(callers), "stale");
  stream.apply(fresh);
  assert.equal(answer(callers), "a/identity");
  assert.equal(answer(callers, "fd00::7"), "a/identity");
  assert.equal(answer(callers, "10.0.0.8"), "unknown");
});

test("host-network pods and the node's own addresses are never found", () => {
  const { assignments, callers, connect, ready } = setUp();
  const host = podFrame("h", { ips: [ip], hostNetwork: true });
  connect(fresh, host, ready("a", {}, { ips: ["10.0.0.1"] }), synced);
  assert.equal(answer(callers), "unknown");
  assert.equal(answer(callers, "10.0.0.1"), "unknown");
  assert.equal(assignments.size, 2);
});

test("two claims get an answer to neither until one yields", () => {
  const { callers, connect, ready } = setUp();
  const stream = connect(fresh, ready("a"), synced, ready("b"));
  assert.equal(answer(callers), "conflict");
  stream.apply(ready("a", {}, { ips: [] }));
  assert.equal(answer(callers), "b/identity");
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
    const { callers, connect, ready } = setUp();
    const pods = [before, now].map((pod) => ({ ...pod, ips: [...pod.ips] }));
    const stream = connect(fresh, ready("a", {}, pods[0]), synced);
    assert.equal(answer(callers), "a/identity");
    stream.apply(ready("b", {}, pods[1]));
    assert.equal(answer(callers), expected);
    stream.apply({ type: "revoke", uid: "a" });
    assert.equal(answer(callers), "b/identity");
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
    const { callers, connect, ready } = setUp();
    const stream = connect(fresh, ready("a"), synced);
    stream.apply(frame);
    assert.equal(answer(callers), expected);

    const other = setUp();
    other.connect(fresh, other.ready("a"), synced).close();
    other.connect(frame);
    assert.equal(answer(other.callers), expected);
  });
}

test("credentials that have ended are pending, at the second they end", async () => {
  const { callers, clock, connect, ready } = setUp();
  const stream = connect(fresh, ready("a"), synced);
  await clock.advance(hour - 1);
  stream.apply(fresh);
  assert.equal(answer(callers), "a/identity");
  await clock.advance(1);
  assert.equal(answer(callers), "pending");
});

test("a snapshot drops what it didn't name, when it is whole and not before", () => {
  const { callers, connect, ready } = setUp();
  connect(fresh, ready("a"), ready("b", {}, { ips: ["10.0.0.8"] }), synced).close();
  const next = connect(roleFrame("b", { expiresAt: null }, { ips: ["10.0.0.8"] }));
  assert.equal(answer(callers), "a/identity");
  next.apply(synced);
  assert.equal(answer(callers), "unknown");
  assert.equal(answer(callers, "10.0.0.8"), "b/identity");
});

test("while an older stream goes on, the next counts from its fresh, whole snapshot", () => {
  const { callers, connect, ready } = setUp();
  const old = connect(fresh, ready("a"), synced);
  const next = connect(ready("a", { key: "next" }), stale, synced);
  assert.equal(answer(callers), "a/identity");
  assert.equal(next.leads, false);
  old.apply(ready("a", { key: "old" }));
  assert.equal(answer(callers), "old");
  next.apply(fresh);
  assert.equal(next.leads, true);
  assert.equal(answer(callers), "next");
  old.apply(deniedFrame("a", at));
  assert.equal(answer(callers), "next");
});

test("when the older stream ends first, the next one's frames count at once", () => {
  const { callers, connect, ready } = setUp();
  const old = connect(fresh, ready("a"), synced);
  connect(deniedFrame("a", at));
  assert.equal(answer(callers), "a/identity");
  old.close();
  assert.equal(answer(callers), "denied");
});

test("a replica that lags can't bring back a pod revoked by another", async () => {
  const { callers, clock, connect, ready } = setUp();
  const old = connect(fresh, ready("a"), synced, { type: "revoke", uid: "a" });
  old.close();
  const next = connect(fresh, ready("a"), synced);
  assert.equal(answer(callers), "unknown");
  await clock.advance(30_000);
  next.apply(fresh);
  next.apply(ready("a"));
  assert.equal(answer(callers), "a/identity");
});

test("without word of a fresh watch answers end after the grace", async () => {
  const { callers, clock, connect, ready } = setUp();
  const stream = connect(fresh, ready("a"), synced);
  await clock.advance(25_000);
  stream.apply(stale);
  assert.equal(answer(callers), "a/identity");
  await clock.advance(1);
  assert.equal(answer(callers), "stale");
  stream.apply(fresh);
  assert.equal(answer(callers), "a/identity");
});

test("a snapshot from a stalled server is answered by until its last word is 30 s old", async () => {
  const { callers, clock, connect, ready } = setUp();
  connect(fresh, ready("a"), synced).close();
  connect({ type: "ping", watchAgeSeconds: 20 }, ready("a"), synced).close();
  await clock.advance(10_000);
  assert.equal(answer(callers), "a/identity");
  await clock.advance(1);
  assert.equal(answer(callers), "stale");
  connect(fresh, ready("a"), synced).close();
  connect({ type: "ping", watchAgeSeconds: 31 }, ready("a"), synced);
  assert.equal(answer(callers), "stale");
});

test("a stalled server confirms nothing", async () => {
  const { callers, clock, connect, ready } = setUp();
  connect(stale, ready("a"), synced).close();
  assert.equal(answer(callers), "stale");
  connect(fresh, ready("a"), synced).close();
  await clock.advance(24_000);
  connect(stale, ready("a"), synced);
  await clock.advance(1_001);
  assert.equal(answer(callers), "stale");
});

test("waitFor() wakes at the frame that brings the credentials", async () => {
  const { callers, clock, connect, ready, wanted } = setUp();
  const stream = connect(fresh, roleFrame("a", { expiresAt: null }, at), synced);
  const settling = callers.waitFor(connectionFrom(ip), 900, never);
  assert.equal(callers.waiting, 1);
  stream.apply(ready("a"));
  const found = await settling;
  assert.equal(found.kind === "pod" && found.pod.outcome.kind, "ready");
  assert.equal(clock.pending(), 0);
  assert.equal(wanted.length, 1);
});

test("waitFor() gives what is known when its time is up, or the client gone", async () => {
  const { callers, clock, connect } = setUp();
  connect(fresh, roleFrame("a", { expiresAt: null }, at), synced);
  const settling = callers.waitFor(connectionFrom(ip), 900, never);
  await clock.advance(900);
  const found = await settling;
  assert.equal(found.kind === "pod" && found.pod.outcome.kind, "pending");

  const gone = new AbortController();
  const left = callers.waitFor(connectionFrom("10.0.0.9"), 900, gone.signal);
  gone.abort();
  assert.deepEqual(await left, { kind: "unknown" });
  assert.equal(clock.pending(), 0);
});

test("an unknown address is read once at a time, and a miss is kept for 2 s", async () => {
  const asked: string[] = [];
  const { callers, clock, connect } = setUp((address) => {
    asked.push(address);
    return Promise.resolve(null);
  });
  connect(fresh, synced);
  const both = [
    callers.waitFor(connectionFrom(ip), 100, never),
    callers.waitFor(connectionFrom(ip), 100, never),
  ];
  await clock.advance(100);
  await Promise.all(both);
  assert.deepEqual(asked, [ip]);
  await clock.advance(1899);
  await callers.waitFor(connectionFrom(ip), 0, never);
  const again = callers.waitFor(connectionFrom(ip), 10, never);
  await clock.advance(10);
  await again;
  assert.equal(asked.length, 1);
  const later = callers.waitFor(connectionFrom(ip), 10, never);
  await clock.advance(10);
  await later;
  assert.equal(asked.length, 2);
});

test("a direct read gives the pod, unless it was revoked or the address isn't the one", async () => {
  const reads: Record<string, AssignFrame> = {};
  const { callers, clock, connect, ready } = setUp((address) =>
    Promise.resolve(reads[address] ?? null)
  );
  connect(fresh, synced, { type: "revoke", uid: "gone" });
  reads[ip] = ready("a");
  reads["10.0.0.8"] = ready("b", {}, { ips: ["10.0.0.9"] });
  reads["10.0.0.9"] = ready("gone", {}, { ips: ["10.0.0.9"] });
  const first = await callers.waitFor(connectionFrom(ip), 900, never);
  assert.equal(first.kind, "pod");
  for (const address of ["10.0.0.8", "10.0.0.9"]) {
    const settling = callers.waitFor(connectionFrom(address), 900, never);
    await clock.advance(900);
    assert.equal((await settling).kind, "unknown");
  }
});

test("a direct read can't undo what a frame said meanwhile", async () => {
  let give = (_: AssignFrame) => {};
  const { callers, connect, ready } = setUp(() =>
    new Promise((resolve) => {
      give = resolve;
    })
  );
  const stream = connect(fresh, synced);
  const settling = callers.waitFor(connectionFrom(ip), 900, never);
  stream.apply(deniedFrame("a"));
  give(ready("a"));
  await settled();
  assert.equal(answer(callers), "denied");
  await settling;
});

test("a clock set back by hours doesn't stretch the grace", async () => {
  const { callers, connect, ready, clock } = setUp();
  connect(fresh, ready("a"), synced).close();
  await clock.advance(10_000);
  clock.setWall(clock.now() - 5 * hour);
  assert.equal(answer(callers), "a/identity");
  await clock.advance(15_001);
  assert.equal(answer(callers), "stale");
});

test("a clock set back in the middle of a wait doesn't stretch it", async () => {
  const { callers, clock } = setUp();
  const waiting = callers.waitFor(connectionFrom(ip), 900, never);
  await clock.advance(10);
  clock.setWall(clock.now() - 5 * hour);
  await clock.advance(890);
  assert.equal((await waiting).kind, "unknown");
});

test("an old word shortens the grace: nothing is answered by what is older than 30 s", async () => {
  const { callers, connect, ready, clock } = setUp();
  connect({ type: "ping", watchAgeSeconds: 14 }, ready("a"), synced);
  await clock.advance(16_000);
  assert.equal(answer(callers), "a/identity");
  await clock.advance(1);
  assert.equal(answer(callers), "stale");
});
