import { test } from "node:test";
import assert from "node:assert/strict";
import { fakeIncoming, type FakeRequest } from "../../../tests/fakes/incoming.ts";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { samplePods } from "../../../tests/fakes/pods.ts";
import type { PodLookup } from "../ports.ts";
import { createCredentialsFront } from "./front.ts";
import type { TokenVerdict } from "./token_pods.ts";

const ready: PodLookup = { kind: "pod", pod: samplePods.ready };
const pending: PodLookup = { kind: "pod", pod: samplePods.pending };
const token = "pods.own.token";

interface World {
  readonly verdict?: TokenVerdict;
  readonly now?: PodLookup;
  readonly later?: PodLookup;
  readonly podRate?: number;
  readonly checkMs?: number;
}

function setUp(world: World = {}) {
  const { verdict = { kind: "pod", uid: "uid-a" }, now = ready, later = now } = world;
  const clock = new ManualClock();
  const waits: number[] = [];
  const answered: string[] = [];
  const shown: string[] = [];
  const refused: string[] = [];
  const front = createCredentialsFront({
    pods: {
      findUid: (uid) => uid === "uid-a" ? now : { kind: "unknown" },
      waitForUid: (_uid, ms) => {
        waits.push(ms);
        return Promise.resolve(later);
      },
    },
    podOfToken: async (text) => {
      shown.push(text);
      await clock.advance(world.checkMs ?? 0);
      return verdict;
    },
    clock,
    addresses: [{ host: "169.254.170.23" }, { host: "fd00:ec2::23" }],
    podRate: world.podRate ?? 0,
    refused: ({ peer }, route, answer) => {
      if (answer.status >= 400) refused.push(`${peer} ${route} ${answer.status}`);
      return answer;
    },
    answered: (handler, status) => void answered.push(`${handler} ${status}`),
  });
  const send = async (request: FakeRequest = {}) => {
    const headers = request.headers ?? [["Authorization", token]];
    const hasHost = headers.some(([name]) => name === "Host");
    const { status, body, headers: sent } = await front.answer(fakeIncoming({
      target: "/v1/credentials",
      ...request,
      headers: hasHost ? headers : [["Host", "169.254.170.23"], ...headers],
    }));
    const text = typeof body === "string" ? body : new TextDecoder().decode(body as Uint8Array);
    return { status, text, headers: Object.fromEntries(sent) };
  };
  return { send, waits, answered, shown, refused };
}

test("credentials front: the document of the token's pod, as JSON", async () => {
  const { send, answered, shown } = setUp();
  assert.deepEqual(await send(), {
    status: 200,
    text: '{"AccessKeyId":"ASIA"}',
    headers: { "Content-Type": "application/json" },
  });
  assert.deepEqual(answered, ["container_credentials 200"]);
  assert.deepEqual(shown, [token]);
});

const withHost = (host: string) =>
  ({ headers: [["Host", host], ["Authorization", token]] }) as const;
const twoHosts = [...withHost("169.254.170.23").headers, ["Host", "169.254.170.23"]] as const;

// name, request, status, code
const requests: [string, FakeRequest, number, string?][] = [
  ["HEAD", { method: "HEAD" }, 200],
  ["a query", { target: "/v1/credentials?x=1" }, 200],
  ["a slash too many", { target: "//v1//credentials" }, 200],
  ["Host with its port", withHost("169.254.170.23:80"), 200],
  ["Host by IPv6", withHost("[fd00:ec2::23]"), 200],
  ["Host by IPv6, spelt out", withHost("[FD00:0ec2:0::23]:80"), 200],
  ["another Host", withHost("evil.example"), 403, "HostRefused"],
  ["the metadata service's Host", withHost("169.254.169.254"), 403, "HostRefused"],
  ["Host in octal", withHost("0251.0376.0252.027"), 403, "HostRefused"],
  ["an empty Host", withHost(""), 403, "HostRefused"],
  ["a Host with a path", withHost("169.254.170.23/x"), 403, "HostRefused"],
  ["two Hosts", { headers: twoHosts }, 403, "HostRefused"],
  ["no token", { headers: [] }, 400, "TokenMissing"],
  ["an empty token", { headers: [["Authorization", " "]] }, 400, "TokenMissing"],
  ["another path", { target: "/v1/credentials/x" }, 404, "NotFound"],
  ["a slash behind", { target: "/v1/credentials/" }, 404, "NotFound"],
  ["the metadata service's path", { target: "/latest/meta-data/" }, 404, "NotFound"],
  [
    "an absolute target",
    { target: "http://169.254.170.23/v1/credentials" },
    400,
    "TargetMalformed",
  ],
  ["an encoded slash", { target: "/v1%2fcredentials" }, 400, "TargetMalformed"],
  ["POST", { method: "POST" }, 405, "MethodNotAllowed"],
  ["PUT", { method: "PUT" }, 405, "MethodNotAllowed"],
  ["OPTIONS", { method: "OPTIONS" }, 405, "MethodNotAllowed"],
];

for (const [name, request, status, code] of requests) {
  test(`credentials front, ${name}: ${status}`, async () => {
    const { send, shown } = setUp();
    const answer = await send(request);
    assert.equal(answer.status, status);
    assert.equal(answer.headers["Content-Type"], "application/json");
    if (code !== undefined) assert.deepEqual(shown, []);
    if (code !== undefined) assert.equal(JSON.parse(answer.text).code, code);
    assert.equal(answer.headers["Allow"], status === 405 ? "GET, HEAD" : undefined);
  });
}

const denied = { kind: "pod", pod: samplePods.denied } as const;
const none = { kind: "pod", pod: samplePods.none } as const;

// name, what is known, status, code
const worlds: [string, World, number, string?][] = [
  ["a bad token", { verdict: { kind: "refused" } }, 401, "TokenRefused"],
  ["a token that nobody can check", { verdict: { kind: "unchecked" } }, 503, "TokenUnchecked"],
  ["too many tokens", { verdict: { kind: "flooded" } }, 503, "TooManyRequests"],
  ["a denied pod", { now: denied }, 403, "NotPermitted"],
  ["a pod without a role", { now: none }, 404, "NoRole"],
  ["credentials that come in time", { now: pending, later: ready }, 200],
  ["credentials that don't", { now: pending }, 503, "CredentialsPending"],
  ["a pod that comes in time", { now: { kind: "unknown" }, later: ready }, 200],
  ["a pod that doesn't", { now: { kind: "unknown" } }, 503, "PodUnknown"],
  ["no word for too long", { now: { kind: "stale" } }, 503, "PodUnconfirmed"],
];

for (const [name, world, status, code] of worlds) {
  test(`credentials front, ${name}: ${status}`, async () => {
    const { send, answered } = setUp(world);
    const answer = await send();
    assert.equal(answer.status, status);
    if (code !== undefined) assert.equal(JSON.parse(answer.text).code, code);
    assert.equal(answer.headers["Retry-After"], status === 503 ? "1" : undefined);
    assert.deepEqual(answered, [`container_credentials ${status}`]);
    assert.ok(!answer.text.includes(token));
  });
}

test("credentials front: a denial's body carries its reason and text", async () => {
  const { text } = await setUp({ now: denied }).send();
  const { reason: code, message } = samplePods.denied.outcome;
  assert.deepEqual(JSON.parse(text), { code, message });
});

test("credentials front: check and wait together take 0.9 s", async () => {
  const { send, waits } = setUp({ now: pending, checkMs: 300 });
  await send();
  assert.deepEqual(waits, [600]);
});

test("credentials front: --pod-rate applies to each address separately", async () => {
  const { send } = setUp({ podRate: 1 });
  const statuses = [];
  for (let i = 0; i < 3; i++) statuses.push((await send({ peer: "10.0.0.66" })).status);
  assert.deepEqual(statuses, [200, 200, 503]);
  assert.equal((await send({ peer: "10.0.0.7" })).status, 200);
});

test("credentials front: refusals are reported, answers aren't", async () => {
  const { send, refused } = setUp();
  await send();
  await send({ headers: [] });
  await send({ method: "POST" });
  const received = "10.0.0.7 container_credentials";
  assert.deepEqual(refused, [`${received} 400`, `${received} 405`]);
});
