import assert from "node:assert/strict";
import { test } from "node:test";
import { RateLimit } from "./rate_limit.ts";

const admitted = (limit: RateLimit, key: string, now: number, tries: number) =>
  Array.from({ length: tries }).filter(() => limit.admits(key, now)).length;

test("RateLimit: a burst of twice the rate, then the rate", () => {
  const limit = new RateLimit({ perSecond: 5 });
  assert.equal(admitted(limit, "a", 0, 50), 10);
  assert.equal(admitted(limit, "a", 1000, 50), 5);
  assert.equal(admitted(limit, "a", 1100, 50), 0);
  assert.equal(admitted(limit, "a", 1200, 50), 1);
});

test("RateLimit: waiting saves up no more than a burst", () => {
  const limit = new RateLimit({ perSecond: 2, burst: 3 });
  assert.equal(admitted(limit, "a", 0, 50), 3);
  assert.equal(admitted(limit, "a", 999_000, 50), 3);
});

test("RateLimit: keys don't share tokens", () => {
  const limit = new RateLimit({ perSecond: 1 });
  assert.equal(admitted(limit, "a", 0, 9), 2);
  assert.equal(admitted(limit, "b", 0, 9), 2);
});

test("RateLimit: setting the clock back removes no tokens", () => {
  const limit = new RateLimit({ perSecond: 1 });
  assert.equal(admitted(limit, "a", 10_000, 1), 1);
  assert.equal(admitted(limit, "a", 0, 9), 1);
});

test("RateLimit: 0 means no limit", () => {
  assert.equal(admitted(new RateLimit({ perSecond: 0 }), "a", 0, 10_000), 10_000);
});

test("RateLimit: beyond its bound, evicts the least recently used key", () => {
  const limit = new RateLimit({ perSecond: 1, burst: 1, maxKeys: 2 });
  for (const key of ["a", "b", "a", "c"]) limit.admits(key, 0);
  assert.equal(limit.admits("a", 0), false);
  assert.equal(limit.admits("b", 0), true);
});
