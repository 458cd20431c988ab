import { test } from "node:test";
import assert from "node:assert/strict";
import { json, openFakeApi, refusal } from "../../../tests/fakes/kubernetes_api.ts";
import { EventRecorder, type ObjectEvent } from "./event_recorder.ts";

const denied: ObjectEvent = {
  subject: { kind: "Pod", namespace: "shop", name: "web", uid: "u" },
  type: "Warning",
  reason: "RoleDenied",
  message: "not\npermitted",
};

function recorder(given: ReturnType<typeof openFakeApi>) {
  const { api, clock } = given;
  return new EventRecorder({ api, clock, component: "rolecall-server", instance: "r1" });
}

test("EventRecorder.record() creates an event, then raises its count", async () => {
  const given = openFakeApi();
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
  const given = openFakeApi();
  given.fake.answer(refusal(409, "exists"), json({ count: 4 }), json({}));
  const events = recorder(given);
  await events.record(denied);
  await events.record(denied);
  assert.deepEqual(Object.keys(given.body(1)), ["lastTimestamp"]);
  assert.equal(given.body(2).count, 5);
});

test("EventRecorder.record() creates it again once the API has forgotten it", async () => {
  const given = openFakeApi();
  given.fake.answer(json({}, 201), refusal(404, "none"), json({}, 201));
  const events = recorder(given);
  await events.record(denied);
  await events.record(denied);
  assert.equal(given.body(2).count, 1);
});

test("EventRecorder.record() limits names and messages to what the API accepts", async () => {
  const given = openFakeApi();
  given.fake.answer(json({}, 201));
  const subject = { ...denied.subject, name: `${"x".repeat(229)}.${"y".repeat(23)}` };
  await recorder(given).record({ ...denied, subject, message: "ö".repeat(2000) });
  const { metadata, message } = given.body(0);
  assert.ok(metadata.name.length <= 253);
  assert.match(metadata.name, /x\.[0-9a-f]{16}$/);
  assert.ok(new TextEncoder().encode(message).length <= 1024);
});
