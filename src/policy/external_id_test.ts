import assert from "node:assert/strict";
import { test } from "node:test";
import { externalIdProblem } from "./external_id.ts";

// external ID, valid
const cases = [
  ["ab", true],
  ["_+=,.@:/-aZ09", true],
  ["x".repeat(1224), true],
  ["", false],
  ["a", false],
  ["a b", false],
  ["ab\n", false],
  ["aé", false],
  ["a\\b", false],
  ["x".repeat(1225), false],
  ["x".repeat(65_536), false],
] as const;

for (const [externalId, valid] of cases) {
  test(`external ID ${JSON.stringify(externalId.slice(0, 20))}: ${valid}`, () => {
    assert.equal(externalIdProblem(externalId) === null, valid);
  });
}

test("external ID: the problem doesn't repeat it", () => {
  assert.ok(!externalIdProblem("s3cret s3cret")?.includes("s3cret"));
});
