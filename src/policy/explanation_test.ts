import assert from "node:assert/strict";
import { test } from "node:test";
import { namespaceFacts, podFacts, serviceAccountFacts } from "../../tests/fakes/facts.ts";
import { policySettings } from "../../tests/fakes/policy_settings.ts";
import { createPolicy } from "./decide.ts";
import { explained, skipped } from "./explanation.ts";
import { eksTags } from "./session_tags.ts";
import type { NamespaceFacts, PodFacts } from "./facts.ts";

const base = "arn:aws:iam::111122223333:role/";
const settings = {
  ...policySettings,
  maxSessionDurationSeconds: 3600,
  reservedRoleArns: [`${base}server`],
};
const policy = createPolicy(settings);
const served = [
  { step: "credentials", state: "ok", found: "key" },
  { step: "agent", state: "ok", found: "agent" },
] as const;

function explain(pod: PodFacts, namespace: NamespaceFacts | undefined, by = policy) {
  const decision = by.decide(pod, namespace, undefined);
  const request = by.requestedRole(pod, namespace, undefined);
  return explained({ pod, namespace, serviceAccount: undefined, request, decision }, served);
}

// name, the pod, its namespace, the step that fails, the reason
const refusals = [
  ["a static pod", { role: "reader", mirror: "0123" }, {}, "pod", "StaticPod"],
  ["one that has ended", { role: "reader", terminal: true }, {}, "pod", "PodEnded"],
  ["one without a role", {}, {}, "role", "NoRole"],
  ["one that declines", { role: "" }, { defaultRole: "reader" }, "role", "NoRole"],
  ["no role's name", { role: "a b" }, {}, "role", "RoleMalformed"],
  ["the server's role", { role: "server" }, {}, "role", "RoleReserved"],
  ["an unknown namespace", { role: "reader" }, null, "namespace", "NamespaceUnknown"],
  ["a default nobody knows", {}, null, "namespace", "NamespaceUnknown"],
  ["no expression", { role: "reader" }, { permitted: null }, "namespace", "PermittedAbsent"],
  ["an empty expression", { role: "reader" }, { permitted: "" }, "namespace", "PermittedEmpty"],
  ["a broken one", { role: "reader" }, { permitted: "(" }, "namespace", "PermittedInvalid"],
  ["another role", { role: "reader" }, { permitted: "x" }, "role ARN", "NotPermitted"],
  [
    "an external ID of one",
    { role: "reader", externalId: "x" },
    {},
    "session",
    "ExternalIdInvalid",
  ],
  [
    "a day's session",
    { role: "reader", sessionDuration: "24h" },
    {},
    "session",
    "SessionDurationInvalid",
  ],
] as const;

for (const [name, pod, space, step, reason] of refusals) {
  test(`explained() ${name}: ${step} fails, ${reason}`, () => {
    const facts = space === null ? undefined : namespaceFacts(space);
    const got = explain(podFacts(pod), facts);
    assert.deepEqual([got.outcome, got.reason], [reason === "NoRole" ? "none" : "denied", reason]);
    const failed = got.steps.filter(({ state }) => state === "failed");
    assert.deepEqual(failed.map((one) => [one.step, one.reason]), [[step, reason]]);
    const at = got.steps.findIndex((one) => one.step === step);
    assert.ok(got.steps.slice(0, at).every(({ state, found }) => state === "ok" && found !== ""));
    assert.ok(got.steps.slice(at + 1).every(({ state }) => state === "skipped"));
    assert.ok(got.remedy);
  });
}

test("explained(): a denial's text is the pod's own, split into what was found and a remedy", () => {
  const pod = podFacts({ role: "reader" });
  const namespace = namespaceFacts({ permitted: "x; y" });
  const decision = policy.decide(pod, namespace, undefined);
  assert.ok(decision.kind === "denied");
  const { message, remedy, steps } = explain(pod, namespace);
  assert.equal(message, decision.denial.message);
  assert.equal(remedy, "change the expression, or the pod's iam.amazonaws.com/role");
  assert.equal(`${steps[3]!.found}; ${remedy}`, message);
});

test("explained(): a pod that gets its credentials, each step with what was found", () => {
  const pod = podFacts({ role: "team/reader", externalId: "top-secret", sessionDuration: "30m" });
  const got = explain(pod, namespaceFacts());
  assert.equal(got.outcome, "credentials");
  assert.deepEqual([got.reason, got.remedy, got.message], [null, null, null]);
  assert.deepEqual(got.steps.map(({ step, found }) => [step, found]), [
    ["pod", "on node n1, at 10.0.0.7"],
    ["role", '"team/reader", from the pod\'s iam.amazonaws.com/role'],
    ["namespace", 'shop permits ".*"'],
    ["role ARN", `${base}team/reader`],
    ["session", "shop.default, 30m, with an external ID"],
    ["credentials", "key"],
    ["agent", "agent"],
  ]);
  assert.doesNotMatch(JSON.stringify(got), /top-secret/);
});

test("explained(): the namespace's default role, tags, and a pod that has no place yet", () => {
  const tagging = createPolicy({ ...settings, sessionTags: eksTags, clusterName: "c" });
  const pod = podFacts({ nodeName: null, ips: [], terminating: true });
  const got = explain(pod, namespaceFacts({ defaultRole: "basic" }), tagging);
  assert.equal(got.steps[0]!.found, "not scheduled yet, no address yet; it is being deleted");
  assert.equal(
    got.steps[1]!.found,
    '"basic", from the namespace\'s iam.amazonaws.com/default-role',
  );
  assert.match(got.steps[4]!.found, /tagged .*kubernetes-pod-name/);
});

test("explained(): permitted, if no server was queried for credentials", () => {
  const pod = podFacts({ role: "reader" });
  const namespace = namespaceFacts();
  const decision = policy.decide(pod, namespace, undefined);
  const request = policy.requestedRole(pod, namespace, undefined);
  const open = [skipped("credentials", "not asked"), skipped("agent")];
  const got = explained({ pod, namespace, serviceAccount: undefined, request, decision }, open);
  assert.deepEqual([got.outcome, got.reason], ["permitted", null]);
});

test("explained(): EKS's own annotation is mentioned if it isn't a role", () => {
  const serviceAccount = serviceAccountFacts({ irsaRole: "arn:aws:iam::111122223333:role/eks" });
  const decided = { pod: podFacts(), namespace: namespaceFacts(), serviceAccount };
  const { steps } = explained(
    { ...decided, request: { kind: "none" }, decision: { kind: "none" } },
    [],
  );
  const found = steps.find(({ step }) => step === "role")?.found;
  assert.match(
    found ?? "",
    /eks\.amazonaws\.com\/role-arn, arn:aws:iam::111122223333:role\/eks, is read only with --irsa-annotations/,
  );
});
