import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import { expiringCache } from "./expiring_cache.ts";

test("expiringCache(): entries expire by the given clock, without a timer", async () => {
  const clock = new ManualClock();
  const cache = expiringCache<string>({ max: 10, ttlMs: 1000, now: () => clock.monotonic() });
  cache.set("a", "1");
  await clock.advance(1000);
  assert.equal(cache.get("a"), "1");
  await clock.advance(1);
  assert.deepEqual([cache.get("a"), [...cache.values()], clock.pending()], [undefined, [], 0]);
});

test("expiringCache(): beyond its bound, the least recently used entry goes", () => {
  const cache = expiringCache<number>({ max: 2, ttlMs: 1000, now: () => 1 });
  cache.set("a", 1).set("b", 2);
  cache.get("a");
  cache.set("c", 3);
  assert.deepEqual([...cache.keys()], ["c", "a"]);
});
