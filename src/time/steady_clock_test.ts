import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import { steadyClock } from "./steady_clock.ts";

const start = Date.UTC(2026, 0, 1);
const hour = 3_600_000;

test("steadyClock() follows the wall clock, and continues when that is set back", async () => {
  const clock = new ManualClock(start);
  const steady = steadyClock(clock);
  assert.equal(steady.now(), start);
  await clock.advance(1000);
  assert.equal(steady.now(), start + 1000);
  clock.setWall(start - 3 * hour);
  assert.equal(steady.now(), start + 1000);
  await clock.advance(1000);
  assert.equal(steady.now(), start + 2000);
  clock.setWall(start + hour);
  assert.equal(steady.now(), start + 2000 + 4 * hour - 1000);
});

test("steadyClock() advances as fast however often it is read", () => {
  let passed = 0;
  const steady = steadyClock({
    // As Date.now(): whole milliseconds, beside a monotonic clock with fractions.
    now: () => start + Math.floor(passed),
    monotonic: () => passed,
    after: () => () => {},
  });
  for (; passed < 100; passed += 0.01) steady.now();
  assert.equal(steady.now(), start + passed);
});
