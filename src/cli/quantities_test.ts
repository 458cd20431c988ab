import { test } from "node:test";
import assert from "node:assert/strict";
import { counted, listed, span } from "./quantities.ts";

// milliseconds, words
const spans = [
  [-5, "a moment"],
  [9_999, "a moment"],
  [10_000, "10 s"],
  [59_000, "50 s"],
  [60_000, "1 min"],
  [119 * 60_000, "119 min"],
  [120 * 60_000, "2 h"],
  [47.9 * 3_600_000, "47 h"],
  [48 * 3_600_000, "2 d"],
] as const;

for (const [ms, words] of spans) {
  test(`span(${ms}): ${words}`, () => assert.equal(span(ms), words));
}

test("counted() uses the singular for one", () => {
  assert.deepEqual([0, 1, 2].map((count) => counted(count, "pod")), ["0 pods", "1 pod", "2 pods"]);
});

test("listed() counts the names that it leaves out", () => {
  const texts = [[], ["a", "b"], ["a", "b", "c", "d"]].map((names) => listed(names, 2));
  assert.deepEqual(texts, ["", "a, b", "a, b and 2 more"]);
});
