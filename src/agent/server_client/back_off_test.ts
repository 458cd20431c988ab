import { test } from "node:test";
import assert from "node:assert/strict";
import { backOffMs } from "./back_off.ts";

const cases = [
  [0, 0, 1000],
  [1, 0, 2000],
  [3, 0.5, 6000],
  [5, 0, 30_000],
  [1000, 0, 30_000],
  [1000, 1, 15_000],
] as const;

for (const [attempt, random, expected] of cases) {
  test(`backOffMs(${attempt}, ${random}) is ${expected}`, () => {
    assert.equal(backOffMs(attempt, random), expected);
  });
}
