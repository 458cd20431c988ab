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
  const received: RefusedRequest[] = [];
  const { answer } = createImdsFront({
    pods: fakePods({ kind: "pod", pod: samplePods[pod] }),
    clock: new ManualClock(),
    upstream: () => Promise.resolve(replyOf(upstream)),
    tokenKeys: new TokenKeyRing({ random: (bytes) => new Uint8Array(bytes) }),
    allowedHosts: [],
    passthrough: passthroughRule("all", false),
    tokenRequired: false,
    podRate: 0,
    refused: refusedRequests({ random: () => 0.5, report: (refused) => received.push(refused) }),
  });
  const idFor = async (target: string, method = "GET") => {
    const { headers } = await answer(fakeIncoming({ target, method }));
    return headers.find(([name]) => name === "X-Request-Id")?.[1] ?? null;
  };
  return { idFor, received };
}

const list = "/latest/meta-data/iam/security-credentials/";

test("a denied request has an id, which the log has too, with the reason", async () => {
  const { idFor, received } = front("denied");
  const id = await idFor(list);
  assert.match(id ?? "", /^[0-9a-z]{5}-1$/);
  assert.equal(received[0]?.requestId, id);
  assert.deepEqual([received[0]?.method, received[0]?.route, received[0]?.status], [
    "GET",
    "roles",
    403,
  ]);
  assert.ok(received[0]!.answer.length > 0 && !received[0]!.answer.includes("\n"));
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
    const { idFor, received } = front("ready");
    assert.equal(await idFor(target, method), received[0]?.requestId);
    assert.equal(received[0]?.status, status);
  });
}

test("answers that aren't refusals, and those passed on, stay unchanged", async () => {
  const { idFor, received } = front("ready", new Response("no such thing", { status: 404 }));
  assert.equal(await idFor(list), null);
  assert.equal(await idFor("/latest/meta-data/none"), null);
  assert.deepEqual(received, []);
});

test("passed-on answers stay unchanged, whatever their status", () => {
  const received: RefusedRequest[] = [];
  const mark = refusedRequests({ random: () => 0, report: (refused) => received.push(refused) });
  for (const body of [new Uint8Array(3), null]) {
    const answer: Reply = { status: 404, headers: [["Server", "EC2ws"]], body };
    assert.equal(mark(fakeIncoming({ target: list }), "metadata", answer), answer);
  }
  assert.deepEqual(received, []);
});
