import { test } from "node:test";
import assert from "node:assert/strict";
import { callersOfTest, connectionFrom } from "../../../tests/fakes/callers.ts";
import { deniedFrame, roleFrame } from "../../../tests/fakes/frames.ts";
import { flushPromises, ManualClock } from "../../../tests/fakes/manual_clock.ts";
import type { AssignFrame } from "../../protocol/frames.ts";
import { Callers } from "./callers.ts";

const ip = "10.0.0.7";
const at = connectionFrom(ip);
const never = new AbortController().signal;

function setUp(readPod: (ip: string) => Promise<AssignFrame | null> = () => Promise.resolve(null)) {
  const clock = new ManualClock();
  let wanted = 0;
  const { assignments, callers } = callersOfTest({ clock, readPod, wanted: () => wanted++ });
  const stream = assignments.openStream();
  stream.apply({ type: "synced" });
  stream.apply({ type: "ping", watchAgeSeconds: 0 });
  return { clock, assignments, callers, stream, wanted: () => wanted };
}

test("waitFor() ends when the client goes, and leaves nothing behind", async () => {
  const { callers, clock, wanted } = setUp();
  const gone = new AbortController();
  const left = callers.waitFor(at, 900, gone.signal);
  assert.equal(callers.waiting, 1);
  assert.equal(wanted(), 1);
  gone.abort();
  assert.deepEqual(await left, { kind: "unknown" });
  assert.equal(callers.waiting, 0);
  assert.equal(clock.pending(), 0);
});

test("an unknown address is read once at a time, and a miss is cached for 2 s", async () => {
  const read: string[] = [];
  const { callers, clock } = setUp((address) => {
    read.push(address);
    return Promise.resolve(null);
  });
  const wait = async (ms: number) => {
    const waiting = [callers.waitFor(at, ms, never), callers.waitFor(at, ms, never)];
    await clock.advance(ms);
    await Promise.all(waiting);
  };
  await wait(100);
  assert.deepEqual(read, [ip]);
  await wait(1800);
  assert.equal(read.length, 1);
  await clock.advance(101);
  await wait(10);
  assert.equal(read.length, 2);
});

test("a direct read can't undo a frame that arrived meanwhile", async () => {
  let give = (_: AssignFrame) => {};
  const { callers, clock, stream } = setUp(() => new Promise((resolve) => give = resolve));
  const waiting = callers.waitFor(at, 900, never);
  stream.apply(deniedFrame("a"));
  give(roleFrame("a", { expiresAt: clock.now() + 3_600_000 }, { ips: [ip] }));
  await flushPromises();
  const found = await waiting;
  assert.equal(found.kind === "pod" && found.pod.outcome.kind, "denied");
});

test("identified() waits for the source, 100 ms at most", async () => {
  const { clock, assignments } = setUp();
  const decided = Promise.withResolvers<void>();
  const source = {
    accepted: () => {},
    find: () => ({ kind: "unknown" } as const),
    refresh: () => {},
    lastKnown: () => undefined,
    identified: () => decided.promise as Promise<void> | undefined,
    waitKey: () => "",
    runs: () => false,
    refreshRunning: () => {},
    onChange: () => {},
  };
  const callers = new Callers({ clock, assignments, source });
  let identifiedCount = 0;
  void callers.identified(at)!.then(() => identifiedCount++);
  await clock.advance(99);
  assert.equal(identifiedCount, 0);
  await clock.advance(1);
  assert.equal(identifiedCount, 1);
  void callers.identified(at)!.then(() => identifiedCount++);
  decided.resolve();
  await flushPromises();
  assert.equal(identifiedCount, 2);
  assert.equal(clock.pending(), 0);
  source.identified = () => undefined;
  assert.equal(callers.identified(at), undefined);
});
