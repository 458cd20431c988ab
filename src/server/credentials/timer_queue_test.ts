import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { TimerQueue } from "./timer_queue.ts";

function timers() {
  const clock = new ManualClock(0);
  const due: [key: string, at: number][] = [];
  return { clock, due, timers: new TimerQueue(clock, (key) => due.push([key, clock.now()])) };
}

test("TimerQueue calls back at each instant, with one timer for all keys", async () => {
  const { timers: tested, clock, due } = timers();
  tested.set("b", 60_000);
  tested.set("a", 2_500);
  tested.set("c", 2_500);
  assert.equal(clock.pending(), 1);
  await clock.advance(100_000);
  assert.deepEqual(due, [["a", 2_500], ["c", 2_500], ["b", 60_000]]);
  assert.equal(clock.pending(), 0);
});

test("TimerQueue lets a key be moved and cleared, and then waits for nothing", async () => {
  const { timers: tested, clock, due } = timers();
  tested.set("moved", 1_000);
  tested.set("moved", 5_000);
  tested.set("cleared", 2_000);
  tested.clear("cleared");
  await clock.advance(4_999);
  assert.deepEqual(due, []);
  tested.clear("moved");
  assert.equal(clock.pending(), 0);
});

test("TimerQueue calls back at once for an instant that has passed, but not inside set()", async () => {
  const { timers: tested, clock, due } = timers();
  tested.set("past", -5);
  assert.deepEqual(due, []);
  await clock.advance(0);
  assert.deepEqual(due, [["past", 0]]);
});

test("TimerQueue notices within 10 s that the wall clock has leapt", async () => {
  const timers = new ManualClock(0);
  let leap = 0;
  const clock = {
    now: () => timers.now() + leap,
    monotonic: () => timers.monotonic(),
    after: (ms: number, run: () => void) => timers.after(ms, run),
  };
  const due: string[] = [];
  new TimerQueue(clock, (key) => due.push(key)).set("in an hour", 3_600_000);
  await timers.advance(1_000);
  leap = 2 * 3_600_000;
  await timers.advance(10_000);
  assert.deepEqual(due, ["in an hour"]);
});
