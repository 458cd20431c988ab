import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubernetesApi } from "../client/api.ts";
import { ApiFault } from "../client/api_fault.ts";
import { createTokenRequest } from "./token_request.ts";

type ApiCall = Parameters<KubernetesApi["json"]>[0];

const requested = {
  namespace: "shop",
  serviceAccount: "cart",
  audience: "sts.amazonaws.com",
  pod: { name: "web", uid: "u1" },
};
const never = new AbortController().signal;

function request(answer: () => unknown) {
  const calls: ApiCall[] = [];
  const api = {
    json: (call: ApiCall) => {
      calls.push(call);
      return Promise.resolve().then(answer);
    },
  };
  return { calls, answer: createTokenRequest(api)(requested, never) };
}

test("createTokenRequest() requests ten minutes, one audience, bound to the pod", async () => {
  const { calls, answer } = request(() => ({ status: { token: "t" } }));
  assert.deepEqual(await answer, { kind: "token", token: "t" });
  const [{ path, method, body } = { path: "", method: "", body: {} }] = calls;
  assert.equal(`${method} ${path}`, "POST /api/v1/namespaces/shop/serviceaccounts/cart/token");
  assert.deepEqual((body as { spec: unknown }).spec, {
    audiences: ["sts.amazonaws.com"],
    expirationSeconds: 600,
    boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "web", uid: "u1" },
  });
});

// what the API answers, the outcome
const refusals = [
  [403, "api_forbidden", "forbidden"],
  [404, "api_not_found", "gone"],
  [409, "api_conflict", "gone"],
  [400, "api_refused", "gone"],
] as const;

for (const [status, code, kind] of refusals) {
  test(`createTokenRequest() ${status}: ${kind}`, async () => {
    const { answer } = request(() => {
      throw new ApiFault("no", { code, status });
    });
    assert.deepEqual(await answer, { kind });
  });
}

test("createTokenRequest() an unreachable API is a fault", async () => {
  const { answer } = request(() => {
    throw new ApiFault("down", { code: "api_unreachable", status: null });
  });
  await assert.rejects(answer, /down/);
});

test("createTokenRequest() an answer without a token is a fault that repeats nothing of it", async () => {
  const { answer } = request(() => ({ status: { token: 7, secret: "s3cret" } }));
  const fault = await answer.then(() => assert.fail(), (error) => error);
  assert.ok(fault instanceof ApiFault);
  assert.doesNotMatch(`${fault.stack}${JSON.stringify(fault)}${fault.cause}`, /s3cret/);
});
