import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { refusalDelayMs, retryDelayMs } from "./back_off.ts";

test("retryDelayMs() draws from a span that doubles from 0.25 s to 30 s", () => {
  const longest = [1, 2, 3, 7, 8, 9, 1e9].map((faults) => retryDelayMs(faults, () => 1));
  assert.deepEqual(longest, [250, 500, 1000, 16_000, 30_000, 30_000, 30_000]);
  assert.equal(retryDelayMs(5, () => 0), 0);
});

test("refusalDelayMs() doubles from 30 s to 5 min", () => {
  const delays = [1, 2, 3, 4, 5, 6, 1e9].map(refusalDelayMs);
  assert.deepEqual(delays, [30_000, 60_000, 120_000, 240_000, 300_000, 300_000, 300_000]);
});

test("retryDelayMs() never leaves 0 to 30 s", () => {
  const dice = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(fc.property(fc.nat(), dice, (faults, random) => {
    const delay = retryDelayMs(faults, () => random);
    assert.ok(delay >= 0 && delay <= 30_000);
  }));
});
