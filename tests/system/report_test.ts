import assert from "node:assert/strict";
import { test } from "node:test";
import { type Count, runScenarios, type Scenario } from "./report.ts";
import { until } from "./until.ts";

/** Plays one scenario; yields the count and each line's first word. */
async function played(run: Scenario<unknown>["run"]) {
  const count: Count = { passed: 0, failed: 0 };
  const lines: string[] = [];
  let mended = 0;
  const stage = { mend: () => Promise.resolve(void mended++) };
  await runScenarios(stage, [{ name: "it", run }], count, (line) => lines.push(line));
  return { ...count, words: lines.map((line) => line.split(" ")[0]), mended };
}

const never = () => until("never", () => false, { within: 0 });

test("a wait that ran out has a second attempt, on a mended stage", async () => {
  let attempts = 0;
  const result = await played(async () => {
    if (++attempts === 1) await never();
  });
  assert.deepEqual(result, { passed: 1, failed: 0, words: ["AGAIN", "ok"], mended: 1 });
});

test("one that runs out twice fails", async () => {
  const result = await played(async () => void await never());
  assert.deepEqual(result, { passed: 0, failed: 1, words: ["AGAIN", "FAIL"], mended: 2 });
});

test("a claim that didn't hold fails at once", async () => {
  const result = await played(() => Promise.reject(new assert.AssertionError({ message: "200" })));
  assert.deepEqual(result, { passed: 0, failed: 1, words: ["FAIL"], mended: 1 });
});

test("so does a fault that nobody thought of", async () => {
  const result = await played(() => Promise.reject(new TypeError("undefined")));
  assert.deepEqual(result, { passed: 0, failed: 1, words: ["FAIL"], mended: 1 });
});
