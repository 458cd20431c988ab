import { test } from "node:test";
import assert from "node:assert/strict";
import { json, openFakeApi, refusal } from "../../../tests/fakes/kubernetes_api.ts";
import { createAccessReview } from "./access_review.ts";

const access = { namespace: "rolecall", verb: "get", group: "rolecall.dev", resource: "status" };

for (const allowed of [true, false]) {
  test(`createAccessReview() a user who ${allowed ? "may" : "may not"}`, async () => {
    const { fake, api, body } = openFakeApi();
    fake.answer(json({ status: { allowed } }, 201));
    const user = { username: "jane", groups: ["ops"] };
    assert.equal(await createAccessReview(api, access)(user), allowed);
    assert.deepEqual(body(0).spec, { user: "jane", groups: ["ops"], resourceAttributes: access });
  });
}

test("createAccessReview() an unreachable API is a fault, never a denial", async () => {
  const { fake, api } = openFakeApi();
  fake.answer(refusal(403, "no"), json({ kind: "SubjectAccessReview" }));
  const review = createAccessReview(api, access);
  const user = { username: "jane", groups: [] };
  await assert.rejects(review(user), { code: "api_forbidden" });
  await assert.rejects(review(user), { code: "api_refused" });
});
