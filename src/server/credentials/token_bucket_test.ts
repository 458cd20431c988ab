import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { TokenBucket } from "./token_bucket.ts";

test("TokenBucket gives a second's worth at once, then waits for the second to pass", () => {
  const bucket = new TokenBucket(3);
  assert.deepEqual([0, 0, 400, 400].map((now) => bucket.take(now)), [true, true, true, false]);
  assert.equal(bucket.waitMs(400), 600);
  assert.deepEqual([1000, 1000, 1000].map((now) => bucket.take(now)), [true, true, false]);
});

test("TokenBucket with a rate under one a second gives one call a period", () => {
  const bucket = new TokenBucket(0.5);
  assert.equal(bucket.take(0), true);
  assert.equal(bucket.waitMs(0), 2000);
  assert.equal(bucket.take(1999), false);
  assert.equal(bucket.take(2000), true);
});

test("TokenBucket waits no longer than a period when the wall clock is set back", () => {
  const bucket = new TokenBucket(1);
  bucket.take(10_000_000);
  assert.equal(bucket.waitMs(5_000), 1000);
});

test("TokenBucket refuses a rate that is no rate", () => {
  for (const rate of [0, -1, NaN, Infinity]) {
    assert.throws(() => new TokenBucket(rate), RangeError);
  }
});

test("TokenBucket never gives more than its rate in any window, and no less when asked", () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 200, size: "max" });
  fc.assert(fc.property(fc.integer({ min: 1, max: 30 }), gaps, (rate, steps) => {
    const bucket = new TokenBucket(rate);
    const taken: number[] = [];
    let now = 0;
    for (const gap of steps) {
      now += gap;
      const inWindow = taken.filter((at) => at > now - 1000).length;
      assert.equal(bucket.take(now), inWindow < rate);
      if (inWindow < rate) taken.push(now);
    }
  }));
});
