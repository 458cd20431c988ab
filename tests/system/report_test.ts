import assert from "node:assert/strict";
import { test } from "node:test";
import { type Count, runScenarios, type Scenario } from "./report.ts";
import { until } from "./until.ts";

/** Runs one scenario; resolves to the count and each line's first word. */
async function outcomeOf(run: Scenario<unknown>["run"]) {
  const count: Count = { passed: 0, failed: 0 };
  const lines: string[] = [];
  let repairs = 0;
  const stage = { repair: () => Promise.resolve(void repairs++) };
  await runScenarios(stage, [{ name: "it", run }], count, (line) => lines.push(line));
  return { ...count, words: lines.map((line) => line.split(" ")[0]), repairs };
}

const never = () => until("never", () => false, { within: 0 });

test("a wait that ran out has a second attempt, on a repaired stage", async () => {
  let attempts = 0;
  const result = await outcomeOf(async () => {
    if (++attempts === 1) await never();
  });
  assert.deepEqual(result, { passed: 1, failed: 0, words: ["AGAIN", "ok"], repairs: 1 });
});

test("one that runs out twice fails", async () => {
  const result = await outcomeOf(async () => void await never());
  assert.deepEqual(result, { passed: 0, failed: 1, words: ["AGAIN", "FAIL"], repairs: 2 });
});

test("a failed assertion fails at once", async () => {
  const result = await outcomeOf(() =>
    Promise.reject(new assert.AssertionError({ message: "200" }))
  );
  assert.deepEqual(result, { passed: 0, failed: 1, words: ["FAIL"], repairs: 1 });
});

test("so does an unexpected error", async () => {
  const result = await outcomeOf(() => Promise.reject(new TypeError("undefined")));
  assert.deepEqual(result, { passed: 0, failed: 1, words: ["FAIL"], repairs: 1 });
});
