import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { RateLimit } from "./rate_limit.ts";

test("RateLimit: a burst, then the rate, each key for itself", async () => {
  const clock = new ManualClock();
  const limit = new RateLimit(clock, { perSecond: 2, burst: 3, maxKeys: 10 });
  assert.deepEqual([1, 2, 3, 4].map(() => limit.take("a")), [true, true, true, false]);
  assert.equal(limit.take("b"), true);
  await clock.advance(500);
  assert.deepEqual([limit.take("a"), limit.take("a")], [true, false]);
});

test("RateLimit: waiting earns no more than a burst", async () => {
  const clock = new ManualClock();
  const limit = new RateLimit(clock, { perSecond: 2, burst: 2, maxKeys: 10 });
  await clock.advance(3_600_000);
  assert.deepEqual([1, 2, 3].map(() => limit.take("a")), [true, true, false]);
});

test("RateLimit: forgets the key unused for longest beyond its bound", () => {
  const limit = new RateLimit(new ManualClock(), { perSecond: 1, burst: 1, maxKeys: 2 });
  for (const key of ["a", "b", "a", "c"]) limit.take(key);
  assert.equal(limit.take("a"), false);
  assert.equal(limit.take("b"), true);
});
