import assert from "node:assert/strict";
import { test } from "node:test";
import { keyProblem } from "./unknown_annotations.ts";

// key, kind, problem
const cases = [
  ["iam.amazonaws.com/role", "Pod", null],
  ["iam.amazonaws.com/role", "ServiceAccount", null],
  ["iam.amazonaws.com/role", "Namespace", "no effect on a Namespace; it is read on Pods and Serv"],
  ["iam.amazonaws.com/permitted", "Pod", "no effect on a Pod; it is read on Namespaces"],
  ["iam.amazonaws.com/roles", "Pod", "did you mean iam.amazonaws.com/role?"],
  ["iam.amazonaws.com/Role", "Pod", "did you mean iam.amazonaws.com/role?"],
  ["iam.amazonaws.com/external_id", "Pod", "did you mean iam.amazonaws.com/external-id?"],
  ["iam.amazon.com/role", "Pod", "did you mean iam.amazonaws.com/role?"],
  ["iam.aws.com/role", "Pod", "did you mean iam.amazonaws.com/role?"],
  ["iam.amazonaws.com/rol", "Pod", "did you mean iam.amazonaws.com/role?"],
  ["iam.amazonaws.com/rloe", "Pod", "did you mean iam.amazonaws.com/role?"],
  ["iam.amazonaws.com/session-duraton", "Pod", "did you mean iam.amazonaws.com/session-duration?"],
  ["example.com/rol", "Pod", null],
  ["iam.amazonaws.com/colour", "Pod", "is unknown; see the list"],
  ["example.com/role", "Pod", null],
  ["eks.amazonaws.com/role-arn", "ServiceAccount", null],
] as const;

for (const [key, kind, problem] of cases) {
  test(`keyProblem(${key}) on a ${kind}: ${problem}`, () => {
    const found = keyProblem(key, kind);
    if (problem === null) return assert.equal(found, null);
    assert.ok(found?.includes(problem), String(found));
  });
}
