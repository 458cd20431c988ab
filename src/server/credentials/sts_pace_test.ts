import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { StsPace } from "./sts_pace.ts";

const second = 1000;

/** How many tokens can be taken at an instant. */
function available(bucket: StsPace, now: number): number {
  let count = 0;
  while (bucket.take(now)) count++;
  return count;
}

test("StsPace: the burst at once, then one token per period", () => {
  const bucket = new StsPace({ perSecond: 2, burst: 3 });
  assert.deepEqual([available(bucket, 0), bucket.waitMs(0)], [3, 500]);
  assert.deepEqual([bucket.take(499), bucket.take(500)], [false, true]);
  assert.equal(available(bucket, 60 * second), 3, "a quiet time saves up no more than the burst");
});

test("StsPace: a rate under one per second", () => {
  const bucket = new StsPace({ perSecond: 0.5, burst: 1 });
  assert.deepEqual([bucket.take(0), bucket.waitMs(0), bucket.take(1999), bucket.take(2000)], [
    true,
    2000,
    false,
    true,
  ]);
});

test("StsPace: throttling empties it and halves the rate, once for all calls in flight", () => {
  const bucket = new StsPace({ perSecond: 100, burst: 200 });
  for (const startedAt of [0, 1, 99]) bucket.throttled(startedAt, 100);
  assert.deepEqual([bucket.perSecond(100), available(bucket, 100)], [50, 0]);
  bucket.throttled(101, 300);
  assert.equal(bucket.perSecond(300), 25);
});

test("StsPace: the rate stays reduced for 5 s, then recovers within a minute, and the burst", () => {
  const bucket = new StsPace({ perSecond: 60, burst: 120 });
  bucket.throttled(1, 1);
  const rates = [5, 6, 10, 35, 100].map((at) => bucket.perSecond(at * second + 1));
  assert.deepEqual(rates.map(Math.round), [30, 31, 35, 60, 60]);
  assert.equal(available(bucket, 100 * second + 1), 120);
});

test("StsPace: while the rate is reduced, a second's worth is saved up at most", () => {
  const bucket = new StsPace({ perSecond: 100, burst: 200 });
  bucket.throttled(1, 1);
  assert.equal(available(bucket, 4 * second), 50);
});

test("StsPace: never halves to less than one per second, nor a slower rate at all", () => {
  for (const [perSecond, least] of [[100, 1], [0.5, 0.5]] as const) {
    const bucket = new StsPace({ perSecond, burst: 1 });
    for (let at = 1; at < 1000; at += 2) bucket.throttled(at, at + 1);
    assert.equal(bucket.perSecond(1000), least);
  }
});

test("StsPace: a rate or burst that allows no call is an error", () => {
  for (const perSecond of [0, -1, NaN, Infinity]) {
    assert.throws(() => new StsPace({ perSecond, burst: 1 }), RangeError);
  }
  assert.throws(() => new StsPace({ perSecond: 1, burst: 0 }), RangeError);
});

test("StsPace: at most burst and rate in any window, and a token 1 ms after waitMs() at the latest", () => {
  const steps = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 200, size: "max" });
  const limits = fc.record({
    perSecond: fc.integer({ min: 1, max: 30 }),
    burst: fc.integer({ min: 1, max: 40 }),
  });
  fc.assert(fc.property(limits, steps, (options, gaps) => {
    const bucket = new StsPace(options);
    const taken: number[] = [];
    let now = 0;
    for (const gap of gaps) {
      now += gap;
      if (bucket.take(now)) taken.push(now);
      else assert.ok(bucket.waitMs(now) > 0);
    }
    for (const from of taken) {
      const inWindow = taken.filter((at) => at >= from && at < from + second).length;
      assert.ok(inWindow <= options.burst + options.perSecond);
    }
    assert.equal(bucket.take(now + bucket.waitMs(now) + 1), true);
  }));
});
