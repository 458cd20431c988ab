import { test } from "node:test";
import assert from "node:assert/strict";
import { RateLimit } from "./rate_limit.ts";

const admitted = (limit: RateLimit, key: string, now: number, tries: number) =>
  Array.from({ length: tries }).filter(() => limit.admits(key, now)).length;

test("rate limit: a burst of twice the rate, then the rate", () => {
  const limit = new RateLimit(5);
  assert.equal(admitted(limit, "a", 0, 50), 10);
  assert.equal(admitted(limit, "a", 1000, 50), 5);
  assert.equal(admitted(limit, "a", 1100, 50), 0);
  assert.equal(admitted(limit, "a", 1200, 50), 1);
  assert.equal(admitted(limit, "a", 999_000, 50), 10);
});

test("rate limit: one address doesn't use up another's", () => {
  const limit = new RateLimit(1);
  assert.equal(admitted(limit, "a", 0, 9), 2);
  assert.equal(admitted(limit, "b", 0, 9), 2);
});

test("rate limit: a clock set back takes nothing away", () => {
  const limit = new RateLimit(1);
  assert.equal(admitted(limit, "a", 10_000, 1), 1);
  assert.equal(admitted(limit, "a", 0, 9), 1);
});

test("rate limit: 0 means none", () => {
  assert.equal(admitted(new RateLimit(0), "a", 0, 10_000), 10_000);
});
