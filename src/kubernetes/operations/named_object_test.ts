import { test } from "node:test";
import assert from "node:assert/strict";
import { json, openFakeApi, refusal } from "../../../tests/fakes/kubernetes_api.ts";
import { createNamedObject } from "./named_object.ts";

const path = "/api/v1/namespaces/rolecall/secrets/tls";

function secret(api: ReturnType<typeof openFakeApi>["api"]) {
  return createNamedObject({
    api,
    kind: "Secret",
    namespace: "rolecall",
    name: "tls",
    writer: "a",
  });
}

test("NamedObject.read() decodes a Secret; a missing one is null", async () => {
  const { fake, api } = openFakeApi();
  const data = { key: btoa(String.fromCharCode(...new TextEncoder().encode("ä"))) };
  fake.answer(json({ metadata: { resourceVersion: "5" }, data }), refusal(404, "none"));
  assert.deepEqual(await secret(api).read(), { resourceVersion: "5", data: { key: "ä" } });
  assert.equal(await secret(api).read(), null);
});

test("NamedObject.write() guards an update by its resourceVersion", async () => {
  const { fake, api, body } = openFakeApi();
  fake.answer(json({}), refusal(409, "modified"));
  assert.equal(await secret(api).write({ key: "ä" }, "5"), "written");
  assert.equal(await secret(api).write({ key: "b" }, "5"), "conflict");
  assert.equal(fake.trace()[0], `PATCH ${path}?fieldManager=rolecall&force=true`);
  assert.equal(fake.requests[0]?.headers["Content-Type"], "application/apply-patch+yaml");
  assert.equal(body(0).metadata.resourceVersion, "5");
  assert.equal(body(0).data.key, "w6Q=");
});

test("NamedObject.write() guards a creation with its own field manager, without force", async () => {
  const { fake, api, body } = openFakeApi();
  fake.answer(json({}, 201), refusal(409, "conflict with rolecall-b"));
  assert.equal(await secret(api).write({ key: "a" }, null), "written");
  assert.equal(await secret(api).write({ key: "a" }, null), "conflict");
  assert.match(fake.trace()[0] ?? "", /fieldManager=rolecall-a-[0-9a-f]{8}&force=false$/);
  assert.deepEqual(body(0).metadata, { name: "tls", namespace: "rolecall" });
});

test("NamedObject.write() two replicas given one name still differ as creators", async () => {
  const { fake, api } = openFakeApi();
  fake.answer(json({}, 201), json({}, 201));
  for (const replica of [secret(api), secret(api)]) await replica.write({ key: "a" }, null);
  assert.notEqual(fake.trace()[0], fake.trace()[1]);
});

test("NamedObject.write() what RBAC refuses is a fault naming verb and object", async () => {
  const { fake, api } = openFakeApi();
  fake.answer(refusal(403, "no"));
  await assert.rejects(secret(api).write({}, null), {
    code: "api_forbidden",
    message: "kubernetes: cannot patch secrets rolecall/tls: 403 no",
  });
});
