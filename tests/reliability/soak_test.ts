/** The short form of the soak; `tests/soak/main.ts` runs for as long as it is told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { soak } from "../soak/soak.ts";

test("under churn and faults: no wrong answer, nobody left without, no handle left open", async () => {
  const { answers, wrong, stuck, pods, samples } = await soak({ seconds: 12, print: () => {} });
  assert.deepEqual({ wrong, stuck }, { wrong: 0, stuck: 0 });
  assert.ok((answers[200] ?? 0) > 100 && pods > 20, JSON.stringify({ answers, pods }));
  const handles = samples.map((sample) => sample.handles);
  assert.ok(Math.max(...handles) < 400, `${handles}`);
});
