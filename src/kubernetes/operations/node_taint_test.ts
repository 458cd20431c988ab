import { test } from "node:test";
import assert from "node:assert/strict";
import { json, openFakeApi, refusal } from "../../../tests/fakes/kubernetes_api.ts";
import { removeNodeTaint } from "./node_taint.ts";

const tainted = { spec: { taints: [{ key: "a", effect: "NoSchedule" }, { key: "start" }] } };

test("removeNodeTaint() removes one key and leaves the others, guarded by a test", async () => {
  const { fake, api, body } = openFakeApi();
  fake.answer(json(tainted), json({}));
  assert.equal(await removeNodeTaint(api, "node-a", "start"), "removed");
  assert.deepEqual(body(1), [
    { op: "test", path: "/spec/taints", value: tainted.spec.taints },
    { op: "replace", path: "/spec/taints", value: [{ key: "a", effect: "NoSchedule" }] },
  ]);
});

test("removeNodeTaint() rereads the node if somebody else changed it", async () => {
  const { fake, api } = openFakeApi();
  fake.answer(json(tainted), refusal(422, "test failed"), json(tainted), json({}));
  assert.equal(await removeNodeTaint(api, "node-a", "start"), "removed");
});

test("removeNodeTaint() gives up after three attempts", async () => {
  const { fake, api } = openFakeApi();
  for (let count = 0; count < 3; count++) fake.answer(json(tainted), refusal(422, "test failed"));
  await assert.rejects(removeNodeTaint(api, "node-a", "start"), { status: 422 });
  assert.equal(fake.requests.length, 6);
});

for (const [name, answer] of [["no taint", json({ spec: {} })], ["no node", refusal(404, "")]]) {
  test(`removeNodeTaint() ${name}: absent`, async () => {
    const { fake, api } = openFakeApi();
    fake.answer(answer as Response);
    assert.equal(await removeNodeTaint(api, "node-a", "start"), "absent");
  });
}
