import assert from "node:assert/strict";
import { test } from "node:test";
import { WeightedCache } from "./weighted_cache.ts";

function counted(most: number) {
  const made: string[] = [];
  const make = (text: string) => {
    made.push(text);
    return text.length;
  };
  return { made, cache: new WeightedCache(make, (weight) => weight, most) };
}

test("weighted cache: makes a value once", () => {
  const { made, cache } = counted(100);
  assert.deepEqual([cache.get("ab"), cache.get("ab")], [2, 2]);
  assert.deepEqual(made, ["ab"]);
});

test("weighted cache: the one used longest ago goes first", () => {
  const { made, cache } = counted(8);
  for (const text of ["aa", "bb", "cc", "dd", "aa", "ee", "aa", "bb"]) cache.get(text);
  assert.deepEqual(made, ["aa", "bb", "cc", "dd", "ee", "bb"]);
  assert.equal(cache.weight, 8);
});

test("weighted cache: what weighs over a quarter isn't kept, and drives nothing out", () => {
  const { made, cache } = counted(8);
  for (const text of ["aa", "ccc", "ccc", "aa"]) cache.get(text);
  assert.deepEqual(made, ["aa", "ccc", "ccc"]);
  assert.equal(cache.weight, 2);
});
