import { test } from "node:test";
import assert from "node:assert/strict";
import { FakeKubernetesApi, json, listOf, refusal } from "../../tests/fakes/kubernetes_api.ts";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import { createKubernetesApi } from "./client/api.ts";
import { EventRecorder, type ObjectEvent } from "./operations/event_recorder.ts";
import { fencePolicy } from "./operations/admission_policy_check.ts";
import { createNamedObject } from "./operations/named_object.ts";
import { removeNodeTaint } from "./operations/node_taint.ts";
import { createPodReads } from "./operations/pod_reads.ts";
import { createTokenReview } from "./operations/token_review.ts";

function opened() {
  const fake = new FakeKubernetesApi();
  const clock = new ManualClock();
  const api = createKubernetesApi({
    connection: {
      server: "https://api",
      namespace: null,
      access: () => Promise.resolve({ tls: {}, headers: {} }),
    },
    httpClient: () => fake,
    clock,
    userAgent: "rolecall/test",
  });
  const body = (index: number) => JSON.parse(fake.requests[index]?.body ?? "null");
  return { fake, clock, api, body };
}

const known = {
  authenticated: true,
  audiences: ["rolecall-server"],
  user: {
    username: "system:serviceaccount:rolecall:rolecall-agent",
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
  audiences: ["rolecall-server"],
  podName: "p",
  podUid: "u",
  nodeName: "n",
};
const unbound = { ...known, audiences: null, user: { username: "jane", extra: null } };
const nobody = { kind: "refused", message: "the API server doesn't know the token" };

// name, status, verdict
const reviews = [
  ["bound to a pod", known, verdict],
  [
    "bound to nothing",
    unbound,
    { ...verdict, username: "jane", audiences: [], podName: null, podUid: null, nodeName: null },
  ],
  ["unknown", { authenticated: false }, nobody],
  ["empty", {}, nobody],
  ["expired", { error: "TOKEN has\nexpired" }, { kind: "refused", message: "… has expired" }],
] as const;

for (const [name, status, expected] of reviews) {
  test(`createTokenReview() a token ${name}: ${expected.kind}`, async () => {
    const { fake, api, body } = opened();
    fake.answer(json({ status }, 201));
    assert.deepEqual(await createTokenReview(api)("TOKEN", "rolecall-server"), expected);
    assert.deepEqual(body(0).spec, { token: "TOKEN", audiences: ["rolecall-server"] });
  });
}

test("createTokenReview() an API that can't be asked is a fault, never a refusal", async () => {
  const { fake, api } = opened();
  fake.answer(refusal(500, "etcd"), json({ kind: "TokenReview" }));
  const review = createTokenReview(api);
  await assert.rejects(review("t", "a"), { code: "api_refused" });
  await assert.rejects(review("t", "a"), { code: "api_refused" });
});

const path = "/api/v1/namespaces/rolecall/secrets/tls";

function secret(api: ReturnType<typeof opened>["api"]) {
  return createNamedObject({
    api,
    kind: "Secret",
    namespace: "rolecall",
    name: "tls",
    writer: "a",
  });
}

test("NamedObject.read() decodes a Secret; a missing one is null", async () => {
  const { fake, api } = opened();
  const data = { key: btoa(String.fromCharCode(...new TextEncoder().encode("ä"))) };
  fake.answer(json({ metadata: { resourceVersion: "5" }, data }), refusal(404, "none"));
  assert.deepEqual(await secret(api).read(), { resourceVersion: "5", data: { key: "ä" } });
  assert.equal(await secret(api).read(), null);
});

test("NamedObject.write() guards an update by its resourceVersion", async () => {
  const { fake, api, body } = opened();
  fake.answer(json({}), refusal(409, "modified"));
  assert.equal(await secret(api).write({ key: "ä" }, "5"), "written");
  assert.equal(await secret(api).write({ key: "b" }, "5"), "conflict");
  assert.equal(fake.trace()[0], `PATCH ${path}?fieldManager=rolecall&force=true`);
  assert.equal(fake.requests[0]?.headers["Content-Type"], "application/apply-patch+yaml");
  assert.equal(body(0).metadata.resourceVersion, "5");
  assert.equal(body(0).data.key, "w6Q=");
});

test("NamedObject.write() guards a creation by a manager of its own, without force", async () => {
  const { fake, api, body } = opened();
  fake.answer(json({}, 201), refusal(409, "conflict with rolecall-b"));
  assert.equal(await secret(api).write({ key: "a" }, null), "written");
  assert.equal(await secret(api).write({ key: "a" }, null), "conflict");
  assert.match(fake.trace()[0] ?? "", /fieldManager=rolecall-a-[0-9a-f]{8}&force=false$/);
  assert.deepEqual(body(0).metadata, { name: "tls", namespace: "rolecall" });
});

test("NamedObject.write() two replicas given one name still differ as creators", async () => {
  const { fake, api } = opened();
  fake.answer(json({}, 201), json({}, 201));
  for (const replica of [secret(api), secret(api)]) await replica.write({ key: "a" }, null);
  assert.notEqual(fake.trace()[0], fake.trace()[1]);
});

test("NamedObject.write() what RBAC refuses is a fault naming verb and object", async () => {
  const { fake, api } = opened();
  fake.answer(refusal(403, "no"));
  await assert.rejects(secret(api).write({}, null), {
    code: "api_forbidden",
    message: "kubernetes: cannot patch secrets rolecall/tls: 403 no",
  });
});

function pod(uid: string, ...ips: string[]) {
  const metadata = { uid, namespace: "shop", name: uid };
  const status = { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) };
  return { metadata, spec: { nodeName: "node-a" }, status };
}

test("PodReads.podsByAddress() asks for node and address", async () => {
  const { fake, api } = opened();
  fake.answer(listOf("1", [pod("a", "10.0.0.7"), pod("b", "10.0.0.7")]));
  const found = await createPodReads(api).podsByAddress("node-a", "10.0.0.7");
  assert.deepEqual(found.map(({ uid }) => uid), ["a", "b"]);
  const selector = fake.requests[0]?.query.get("fieldSelector");
  assert.equal(selector, "spec.nodeName=node-a,status.podIP=10.0.0.7");
});

test("PodReads.podsByAddress() finds a pod by its second address too", async () => {
  const { fake, api } = opened();
  fake.answer(listOf("1", []), listOf("1", [pod("a", "10.0.0.7", "FD00:0::7"), pod("b", "10.1")]));
  const found = await createPodReads(api).podsByAddress("node-a", "fd00::7");
  assert.deepEqual(found.map(({ uid }) => uid), ["a"]);
});

test("PodReads.pod() gives one pod or null, and never reads another path", async () => {
  const { fake, api } = opened();
  fake.answer(json(pod("a")), refusal(404, "none"), refusal(404, "none"));
  const reads = createPodReads(api);
  assert.equal((await reads.pod("shop", "a"))?.uid, "a");
  assert.equal(await reads.pod("shop", "b"), null);
  await reads.pod("shop", "../secrets?x");
  assert.equal(fake.requests[2]?.path, "/api/v1/namespaces/shop/pods/%2E%2E%2Fsecrets%3Fx");
});

// status of the binding's GET, outcome
const fences = [[200, "bound"], [404, "missing"], [403, "unknown"], [500, "unknown"]] as const;

for (const [status, expected] of fences) {
  test(`fencePolicy() ${status}: ${expected}`, async () => {
    const { fake, api } = opened();
    fake.answer(status === 200 ? json({}) : refusal(status, "said"));
    assert.equal(await fencePolicy(api), expected);
  });
}

const tainted = { spec: { taints: [{ key: "a", effect: "NoSchedule" }, { key: "start" }] } };

test("removeNodeTaint() takes one key off and leaves the others, guarded by a test", async () => {
  const { fake, api, body } = opened();
  fake.answer(json(tainted), json({}));
  assert.equal(await removeNodeTaint(api, "node-a", "start"), "removed");
  assert.deepEqual(body(1), [
    { op: "test", path: "/spec/taints", value: tainted.spec.taints },
    { op: "replace", path: "/spec/taints", value: [{ key: "a", effect: "NoSchedule" }] },
  ]);
});

test("removeNodeTaint() reads the node anew where somebody else changed it", async () => {
  const { fake, api } = opened();
  fake.answer(json(tainted), refusal(422, "test failed"), json(tainted), json({}));
  assert.equal(await removeNodeTaint(api, "node-a", "start"), "removed");
});

test("removeNodeTaint() gives up after three attempts", async () => {
  const { fake, api } = opened();
  for (let count = 0; count < 3; count++) fake.answer(json(tainted), refusal(422, "test failed"));
  await assert.rejects(removeNodeTaint(api, "node-a", "start"), { status: 422 });
  assert.equal(fake.requests.length, 6);
});

for (const [name, answer] of [["no taint", json({ spec: {} })], ["no node", refusal(404, "")]]) {
  test(`removeNodeTaint() ${name}: absent`, async () => {
    const { fake, api } = opened();
    fake.answer(answer as Response);
    assert.equal(await removeNodeTaint(api, "node-a", "start"), "absent");
  });
}

const denied: ObjectEvent = {
  subject: { kind: "Pod", namespace: "shop", name: "web", uid: "u" },
  type: "Warning",
  reason: "RoleDenied",
  message: "not\npermitted",
};

function recorder(given: ReturnType<typeof opened>) {
  const { api, clock } = given;
  return new EventRecorder({ api, clock, component: "rolecall-server", instance: "r1" });
}

test("EventRecorder.record() creates an event, then raises its count", async () => {
  const given = opened();
  given.fake.answer(json({}, 201), json({}), json({}));
  const events = recorder(given);
  await events.record(denied);
  await given.clock.advance(60_000);
  await events.record(denied);
  await events.record(denied);
  const first = given.body(0);
  assert.equal(first.message, "not permitted");
  assert.deepEqual(first.involvedObject, { apiVersion: "v1", ...denied.subject });
  assert.deepEqual(given.body(2), { count: 3, lastTimestamp: "2026-01-01T00:01:00Z" });
  assert.equal(
    given.fake.trace()[2],
    `PATCH /api/v1/namespaces/shop/events/${first.metadata.name}`,
  );
});

test("EventRecorder.record() joins an event that another replica has written", async () => {
  const given = opened();
  given.fake.answer(refusal(409, "exists"), json({ count: 4 }), json({}));
  const events = recorder(given);
  await events.record(denied);
  await events.record(denied);
  assert.deepEqual(Object.keys(given.body(1)), ["lastTimestamp"]);
  assert.equal(given.body(2).count, 5);
});

test("EventRecorder.record() creates it again once the API has forgotten it", async () => {
  const given = opened();
  given.fake.answer(json({}, 201), refusal(404, "none"), json({}, 201));
  const events = recorder(given);
  await events.record(denied);
  await events.record(denied);
  assert.equal(given.body(2).count, 1);
});

test("EventRecorder.record() bounds names and messages to what the API takes", async () => {
  const given = opened();
  given.fake.answer(json({}, 201));
  const subject = { ...denied.subject, name: `${"x".repeat(229)}.${"y".repeat(23)}` };
  await recorder(given).record({ ...denied, subject, message: "ö".repeat(2000) });
  const { metadata, message } = given.body(0);
  assert.ok(metadata.name.length <= 253);
  assert.match(metadata.name, /x\.[0-9a-f]{16}$/);
  assert.ok(new TextEncoder().encode(message).length <= 1024);
});
