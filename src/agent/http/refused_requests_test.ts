import { test } from "node:test";
import assert from "node:assert/strict";
import { fakeIncoming } from "../../../tests/fakes/incoming.ts";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { fakePods, samplePods } from "../../../tests/fakes/pods.ts";
import { createImdsFront } from "../imds/front.ts";
import { passthroughRule } from "../imds/passthrough_rule.ts";
import { TokenKeyRing } from "../imds/token_keys.ts";
import type { RefusedRequest } from "../../telemetry/refused_request.ts";
import { type Reply, replyOf } from "../../net/http_messages.ts";
import { refusedRequests } from "./refused_requests.ts";

function front(pod: keyof typeof samplePods, upstream = new Response("i-1")) {
  const told: RefusedRequest[] = [];
  const { answer } = createImdsFront({
    pods: fakePods({ kind: "pod", pod: samplePods[pod] }),
    clock: new ManualClock(),
    upstream: () => Promise.resolve(replyOf(upstream)),
    tokenKeys: new TokenKeyRing({ random: (bytes) => new Uint8Array(bytes) }),
    allowedHosts: [],
    passthrough: passthroughRule("all", false),
    tokenRequired: false,
    podRate: 0,
    refused: refusedRequests({ random: () => 0.5, report: (refused) => told.push(refused) }),
  });
  const idFor = async (target: string, method = "GET") => {
    const { headers } = await answer(fakeIncoming({ target, method }));
    return headers.find(([name]) => name === "X-Request-Id")?.[1] ?? null;
  };
  return { idFor, told };
}

const list = "/latest/meta-data/iam/security-credentials/";

test("a denied request has an id, which the log has too, with the reason", async () => {
  const { idFor, told } = front("denied");
  const id = await idFor(list);
  assert.match(id ?? "", /^[0-9a-z]{5}-1$/);
  assert.equal(told[0]?.requestId, id);
  assert.deepEqual([told[0]?.method, told[0]?.route, told[0]?.status], ["GET", "roles", 403]);
  assert.ok(told[0]!.answer.length > 0 && !told[0]!.answer.includes("\n"));
  assert.notEqual(await idFor(list), id);
});

// target, method, status: by a route, for lack of one, and before any
const refusals = [
  ["/latest/meta-data/identity-credentials/ec2/", "GET", 404],
  ["/latest/meta-data/iam/info", "POST", 405],
  ["/latest/meta-data/%2e%2e%2f", "GET", 400],
  ["/latest/api/token", "PUT", 400],
] as const;

for (const [target, method, status] of refusals) {
  test(`${method} ${target}: ${status} with an id`, async () => {
    const { idFor, told } = front("ready");
    assert.equal(await idFor(target, method), told[0]?.requestId);
    assert.equal(told[0]?.status, status);
  });
}

test("answers that are no refusals, and those passed on, stay as they are", async () => {
  const { idFor, told } = front("ready", new Response("no such thing", { status: 404 }));
  assert.equal(await idFor(list), null);
  assert.equal(await idFor("/latest/meta-data/none"), null);
  assert.deepEqual(told, []);
});

test("what is passed on as bytes stays as it is, whatever its status", () => {
  const told: RefusedRequest[] = [];
  const mark = refusedRequests({ random: () => 0, report: (refused) => told.push(refused) });
  for (const body of [new Uint8Array(3), null]) {
    const answer: Reply = { status: 404, headers: [["Server", "EC2ws"]], body };
    assert.equal(mark(fakeIncoming({ target: list }), "metadata", answer), answer);
  }
  assert.deepEqual(told, []);
});
