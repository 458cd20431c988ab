import { test } from "node:test";
import assert from "node:assert/strict";
import { json, openFakeApi, refusal } from "../../../tests/fakes/kubernetes_api.ts";
import { checkAdmissionPolicy } from "./admission_policy_check.ts";

// status of the binding's GET, outcome
const fences = [[200, "bound"], [404, "missing"], [403, "unknown"], [500, "unknown"]] as const;

for (const [status, expected] of fences) {
  test(`checkAdmissionPolicy() ${status}: ${expected}`, async () => {
    const { fake, api } = openFakeApi();
    fake.answer(status === 200 ? json({}) : refusal(status, "said"));
    assert.equal(await checkAdmissionPolicy(api), expected);
  });
}
