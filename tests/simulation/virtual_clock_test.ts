import { test } from "node:test";
import assert from "node:assert/strict";
import { VirtualClock } from "./virtual_clock.ts";

test("VirtualClock: every promise has settled before the next event", async () => {
  const clock = new VirtualClock();
  const seen: string[] = [];
  const settleLate = async (name: string) => {
    for (let turn = 0; turn < 1_000; turn++) await null;
    seen.push(`${name} settled at ${clock.time}`);
  };
  for (let ms = 1; ms <= 40; ms++) clock.after(ms, () => void settleLate(`event ${ms}`));
  await clock.runUntil(40);
  assert.deepEqual(
    seen,
    Array.from({ length: 40 }, (_, n) => `event ${n + 1} settled at ${n + 1}`),
  );
});

test("VirtualClock: runs what is due in order of time, then of scheduling, and nothing later", async () => {
  const clock = new VirtualClock();
  const seen: string[] = [];
  clock.after(2, () => seen.push("c"));
  clock.after(1, () => {
    seen.push("a");
    clock.after(0, () => seen.push("b"));
  });
  clock.after(2, () => seen.push("cancelled"))();
  clock.after(2, () => seen.push("d"));
  clock.after(3, () => seen.push("e"));
  await clock.runUntil(2.5);
  assert.deepEqual([seen.join(""), clock.time, clock.events], ["abcd", 2.5, 4]);
  await clock.runUntil(3);
  assert.equal(seen.join(""), "abcde");
});

test("VirtualClock: an event that throws rejects the run; one that repeats without end is stuck", async () => {
  const clock = new VirtualClock();
  clock.after(1, () => {
    throw new Error("broken");
  });
  await assert.rejects(clock.runUntil(10), /broken/);
  const again = () => void clock.after(0, again);
  again();
  await clock.runUntil(10);
  assert.deepEqual([clock.isStuck, clock.time], [true, 1]);
});
