import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { Backoff } from "./backoff.ts";

const limits = { minMs: 250, maxMs: 30_000 };

function waits(options: { jitter?: number; random: () => number }, count = 9): number[] {
  const backoff = new Backoff({ ...limits, ...options });
  return Array.from({ length: count }, () => backoff.next());
}

test("Backoff: doubles up to the maximum", () => {
  const ceilings = [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000];
  assert.deepEqual(waits({ random: () => 1 }), ceilings);
  assert.deepEqual(waits({ random: () => 0, jitter: 0 }), ceilings);
});

test("Backoff: jitter is the share of the wait that is random", () => {
  assert.deepEqual(waits({ random: () => 0 }, 2), [125, 250]);
  assert.deepEqual(waits({ random: () => 0, jitter: 1 }, 2), [0, 0]);
});

test("Backoff: reset() begins again; a Retry-After is never undercut", () => {
  const backoff = new Backoff({ ...limits, random: () => 1 });
  assert.deepEqual([backoff.next(), backoff.next(2000)], [250, 2000]);
  backoff.reset();
  assert.equal(backoff.next(), 250);
});

test("Backoff: always between 0 and the maximum", () => {
  const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(fc.property(fc.nat({ max: 100 }), share, share, (failures, jitter, random) => {
    const wait = waits({ jitter, random: () => random }, failures + 1).at(-1)!;
    assert.ok(wait >= 0 && wait <= limits.maxMs);
  }));
});
