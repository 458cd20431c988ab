import assert from "node:assert/strict";
import { test } from "node:test";
import { json, openFakeApi, refusal } from "../../../tests/fakes/kubernetes_api.ts";
import { podsWithFacts, readClusterFacts, readPodFacts } from "./cluster_facts.ts";

const role = { "iam.amazonaws.com/role": "reader" };
const pod = {
  metadata: { uid: "u", namespace: "shop", name: "web" },
  spec: { serviceAccountName: "builder" },
};
const namespace = {
  metadata: { name: "shop", annotations: { "iam.amazonaws.com/permitted": ".*" } },
};
const account = { metadata: { namespace: "shop", name: "builder", annotations: role } };
const page = (items: unknown[]) => json({ metadata: { resourceVersion: "1" }, items });

test("readPodFacts(): a pod with its namespace and its own ServiceAccount", async () => {
  const { fake, api } = openFakeApi();
  fake.answer(json(pod), json(namespace), json(account));
  const facts = await readPodFacts(api, "shop", "web");
  assert.deepEqual(
    [facts?.pod.uid, facts?.namespace?.permitted, facts?.serviceAccount?.role],
    ["u", ".*", "reader"],
  );
  assert.deepEqual(fake.trace(), [
    "GET /api/v1/namespaces/shop/pods/web",
    "GET /api/v1/namespaces/shop",
    "GET /api/v1/namespaces/shop/serviceaccounts/builder",
  ]);
});

test("readPodFacts(): null without the pod; other missing objects are left out", async () => {
  const { fake, api } = openFakeApi();
  fake.answer(refusal(404, "no"));
  assert.equal(await readPodFacts(api, "shop", "web"), null);
  fake.answer(json(pod), refusal(404, "no"), refusal(404, "no"));
  const facts = await readPodFacts(api, "shop", "web");
  assert.deepEqual([facts?.namespace, facts?.serviceAccount], [undefined, undefined]);
});

test("readPodFacts(): a refusal doesn't count as absence", async () => {
  const { fake, api } = openFakeApi();
  fake.answer(json(pod), refusal(403, "not you"));
  await assert.rejects(readPodFacts(api, "shop", "web"), { code: "api_forbidden" });
});

test("readClusterFacts(): each pod with what its decision depends on; unreadable ones left out", async () => {
  const { fake, api, clock } = openFakeApi();
  const bare = { metadata: { uid: "v", namespace: "other", name: "x" } };
  fake.answer(page([namespace]), page([account]), page([pod, bare, { metadata: {} }]));
  const all = [...podsWithFacts(await readClusterFacts(api, clock))];
  assert.deepEqual(
    all.map((one) => [one.pod.name, one.namespace?.name, one.serviceAccount?.role]),
    [["web", "shop", "reader"], ["x", undefined, undefined]],
  );
});
