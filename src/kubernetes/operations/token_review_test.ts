import { test } from "node:test";
import assert from "node:assert/strict";
import { json, openFakeApi, refusal } from "../../../tests/fakes/kubernetes_api.ts";
import { createTokenReview } from "./token_review.ts";

const known = {
  authenticated: true,
  audiences: ["rolecall-server"],
  user: {
    username: "system:serviceaccount:rolecall:rolecall-agent",
    groups: ["system:authenticated"],
    extra: {
      "authentication.kubernetes.io/pod-name": ["p"],
      "authentication.kubernetes.io/pod-uid": ["u"],
      "authentication.kubernetes.io/node-name": ["n"],
    },
  },
};
const verdict = {
  kind: "authenticated",
  username: "system:serviceaccount:rolecall:rolecall-agent",
  groups: ["system:authenticated"],
  audiences: ["rolecall-server"],
  podName: "p",
  podUid: "u",
  nodeName: "n",
};
const unbound = {
  ...known,
  audiences: null,
  user: { username: "jane", groups: null, extra: null },
};
const nobody = { kind: "refused", message: "the API server rejects the token" };

// name, status, verdict
const reviews = [
  ["bound to a pod", known, verdict],
  [
    "bound to nothing",
    unbound,
    {
      ...verdict,
      username: "jane",
      groups: [],
      audiences: [],
      podName: null,
      podUid: null,
      nodeName: null,
    },
  ],
  ["unknown", { authenticated: false }, nobody],
  ["empty", {}, nobody],
  ["expired", { error: "TOKEN has\nexpired" }, { kind: "refused", message: "… has expired" }],
] as const;

for (const [name, status, expected] of reviews) {
  test(`createTokenReview() a token ${name}: ${expected.kind}`, async () => {
    const { fake, api, body } = openFakeApi();
    fake.answer(json({ status }, 201));
    assert.deepEqual(await createTokenReview(api)("TOKEN", "rolecall-server"), expected);
    assert.deepEqual(body(0).spec, { token: "TOKEN", audiences: ["rolecall-server"] });
  });
}

test("createTokenReview() an unreachable API is a fault, never a refusal", async () => {
  const { fake, api } = openFakeApi();
  fake.answer(refusal(500, "etcd"), json({ kind: "TokenReview" }));
  const review = createTokenReview(api);
  await assert.rejects(review("t", "a"), { code: "api_refused" });
  await assert.rejects(review("t", "a"), { code: "api_refused" });
});
