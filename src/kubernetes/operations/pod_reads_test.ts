import { test } from "node:test";
import assert from "node:assert/strict";
import { json, listOf, openFakeApi, refusal } from "../../../tests/fakes/kubernetes_api.ts";
import { createPodReads } from "./pod_reads.ts";

function pod(uid: string, ...ips: string[]) {
  const metadata = { uid, namespace: "shop", name: uid };
  const status = { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) };
  return { metadata, spec: { nodeName: "node-a" }, status };
}

test("PodReads.podsByAddress() selects by node and address", async () => {
  const { fake, api } = openFakeApi();
  fake.answer(listOf("1", [pod("a", "10.0.0.7"), pod("b", "10.0.0.7")]));
  const found = await createPodReads(api).podsByAddress("node-a", "10.0.0.7");
  assert.deepEqual(found.map(({ uid }) => uid), ["a", "b"]);
  const selector = fake.requests[0]?.query.get("fieldSelector");
  assert.equal(selector, "spec.nodeName=node-a,status.podIP=10.0.0.7");
});

test("PodReads.podsByAddress() finds a pod by its second address too", async () => {
  const { fake, api } = openFakeApi();
  fake.answer(listOf("1", []), listOf("1", [pod("a", "10.0.0.7", "FD00:0::7"), pod("b", "10.1")]));
  const found = await createPodReads(api).podsByAddress("node-a", "fd00::7");
  assert.deepEqual(found.map(({ uid }) => uid), ["a"]);
});

test("PodReads.pod() gives one pod or null, and never reads another path", async () => {
  const { fake, api } = openFakeApi();
  fake.answer(json(pod("a")), refusal(404, "none"), refusal(404, "none"));
  const reads = createPodReads(api);
  assert.equal((await reads.pod("shop", "a"))?.uid, "a");
  assert.equal(await reads.pod("shop", "b"), null);
  await reads.pod("shop", "../secrets?x");
  assert.equal(fake.requests[2]?.path, "/api/v1/namespaces/shop/pods/%2E%2E%2Fsecrets%3Fx");
});
