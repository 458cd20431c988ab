import assert from "node:assert/strict";
import { test } from "node:test";
import { agentLimits, pageLimits } from "./listeners.ts";

test("agentLimits(): all listeners together stay under half of the open files", () => {
  for (const files of [1024, 4096, 1_048_576]) {
    const all = agentLimits(() => files).maxConnections + 2 * pageLimits.maxConnections;
    assert.ok(all <= files / 2, `${files}`);
  }
  assert.equal(agentLimits(() => 1_048_576).maxConnections, 16_384);
});

test("agentLimits(): at least 5,000 agents, once it is known that so many files may be open", () => {
  const limits = agentLimits((effort) => effort === "full" ? 16_384 : 4096);
  assert.equal(limits.maxConnections, 1792);
  assert.equal(limits.moreConnections(), 7936);
});
