import assert from "node:assert/strict";
import { test } from "node:test";
import { podFacts } from "../../../tests/fakes/facts.ts";
import { jwt } from "../../../tests/fakes/jwt.ts";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { quietLog } from "../../../tests/fakes/quiet_log.ts";
import type { PodFacts } from "../../policy/facts.ts";
import { agentIdentity } from "./agent_identity.ts";
import { ClusterIndex } from "../cluster/cluster_index.ts";
import type { ReviewToken, TokenVerdict } from "../ports.ts";
import { ReviewedTokens } from "./reviewed_tokens.ts";

const audience = "rolecall-server";
const serviceAccount = { namespace: "rolecall", name: "rolecall-agent" };
const agentPod = podFacts({
  uid: "agent-uid",
  namespace: "rolecall",
  name: "rolecall-agent-x",
  serviceAccount: "rolecall-agent",
  hostNetwork: true,
});
const claims = { aud: [audience], exp: Date.UTC(2026, 0, 1) / 1000 + 600, sub: "ignored" };
type Authenticated = Extract<TokenVerdict, { kind: "authenticated" }>;
const genuine: Authenticated = {
  kind: "authenticated",
  groups: [],
  username: "system:serviceaccount:rolecall:rolecall-agent",
  audiences: [audience],
  podName: agentPod.name,
  podUid: agentPod.uid,
  nodeName: "n1",
};

function identity(reviewToken: ReviewToken, pod: PodFacts | null = agentPod) {
  const clock = new ManualClock();
  const index = new ClusterIndex();
  if (pod !== null) index.pods.upsert(pod);
  const tokens = new ReviewedTokens({
    reviewToken,
    clock,
    log: quietLog,
    attempts: { perSecond: 5, burst: 20 },
  });
  const identify = agentIdentity({ index, tokens, audience, serviceAccount });
  return { identify, clock, index };
}

const says = (verdict: TokenVerdict): ReviewToken => () => Promise.resolve(verdict);
const bearer = (more: object = {}) => `Bearer ${jwt({ ...claims, ...more })}`;

test("agentIdentity(): a genuine agent's node is its pod's", async () => {
  const { identify } = identity(says(genuine));
  assert.deepEqual(await identify(bearer(), "10.0.0.1"), {
    kind: "agent",
    node: "n1",
    podUid: "agent-uid",
    podName: "rolecall-agent-x",
    expiresAt: claims.exp * 1000,
  });
});

test("agentIdentity(): tokens of clusters that don't name the node are accepted", async () => {
  const { identify } = identity(says({ ...genuine, nodeName: null }));
  assert.equal((await identify(bearer(), "p")).kind, "agent");
});

// name, Authorization, status
const unasked = [
  ["no header", undefined, 401],
  ["another scheme", "Basic cm9vdDpyb290", 401],
  ["a word", "Bearer letmein", 401],
  ["another audience", bearer({ aud: ["https://kubernetes.default.svc"] }), 401],
  ["an expired token", bearer({ exp: Date.UTC(2025, 11, 31) / 1000 }), 401],
  ["no expiry", bearer({ exp: undefined }), 401],
] as const;

for (const [name, header, status] of unasked) {
  test(`agentIdentity() ${name}: ${status}, without a call to the API`, async () => {
    const { identify } = identity(() => assert.fail("asked"));
    const verdict = await identify(header, "p");
    assert.equal(verdict.kind === "refusal" && verdict.status, status);
  });
}

// name, what the API says, the pod in the index, status
const requested: [string, TokenVerdict, PodFacts | null, number][] = [
  ["the API refuses", { kind: "refused", message: "bad signature" }, agentPod, 401],
  ["not our audience after all", { ...genuine, audiences: ["other"] }, agentPod, 401],
  ["no audience", { ...genuine, audiences: [] }, agentPod, 401],
  ["another ServiceAccount", { ...genuine, username: "system:serviceaccount:a:b" }, agentPod, 403],
  ["a user", { ...genuine, username: "admin" }, agentPod, 403],
  ["a token without a pod", { ...genuine, podName: null, podUid: null }, agentPod, 403],
  ["another node's name in it", { ...genuine, nodeName: "n2" }, agentPod, 403],
  ["another pod's name in it", { ...genuine, podName: "other" }, agentPod, 403],
  ["a pod of another ServiceAccount", genuine, { ...agentPod, serviceAccount: "default" }, 403],
  ["a pod of another namespace", genuine, { ...agentPod, namespace: "shop" }, 403],
  ["a pod that ended", genuine, { ...agentPod, terminal: true }, 403],
  ["a mirror pod", genuine, { ...agentPod, mirror: "0123" }, 403],
  ["a pod without a node", genuine, { ...agentPod, nodeName: null }, 403],
  ["a pod not seen yet", genuine, null, 503],
];

for (const [name, verdict, pod, status] of requested) {
  test(`agentIdentity() ${name}: ${status}`, async () => {
    const { identify } = identity(says(verdict), pod);
    const result = await identify(bearer(), "p");
    assert.equal(result.kind === "refusal" && result.status, status);
  });
}

test("agentIdentity(): an API server that doesn't answer is 503, never 401", async () => {
  const { identify } = identity(() => Promise.reject(new Error("connect ECONNREFUSED")));
  const result = await identify(bearer(), "p");
  assert.equal(result.kind === "refusal" && result.status, 503);
});

test("agentIdentity(): a success is cached for 60 s, a refusal is not", async () => {
  let reviews = 0;
  let verdict: TokenVerdict = genuine;
  const { identify, clock } = identity(() => Promise.resolve((reviews++, verdict)));
  await identify(bearer(), "p");
  await clock.advance(60_000);
  await identify(bearer(), "p");
  assert.equal(reviews, 1);
  await clock.advance(1);
  verdict = { kind: "refused", message: "revoked" };
  assert.equal((await identify(bearer(), "p")).kind, "refusal");
  await identify(bearer(), "p");
  assert.equal(reviews, 3);
});

test("agentIdentity(): a cached token is refused once its pod is gone", async () => {
  const { identify, index } = identity(says(genuine));
  assert.equal((await identify(bearer(), "p")).kind, "agent");
  index.pods.remove(agentPod.uid);
  assert.equal((await identify(bearer(), "p")).kind, "refusal");
});

test("agentIdentity(): requests at the same time share one review", async () => {
  let reviews = 0;
  const { identify } = identity(() => Promise.resolve((reviews++, genuine)));
  await Promise.all([1, 2, 3].map(() => identify(bearer(), "p")));
  assert.equal(reviews, 1);
});

test("agentIdentity(): one peer's flood of tokens doesn't lock out the others", async () => {
  const { identify } = identity(says({ kind: "refused", message: "" }));
  const flood = Array.from({ length: 30 }, (_, i) => identify(bearer({ jti: String(i) }), "bad"));
  const statuses = (await Promise.all(flood)).map((one) => one.kind === "refusal" && one.status);
  const times = (status: number) => statuses.filter((one) => one === status).length;
  assert.deepEqual([times(401), times(503)], [20, 10]);
  const other = await identify(bearer(), "good");
  assert.equal(other.kind === "refusal" && other.status, 401);
});
