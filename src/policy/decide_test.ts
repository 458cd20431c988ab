import assert from "node:assert/strict";
import { test } from "node:test";
import { namespaceFacts, podFacts } from "../../tests/fakes/facts.ts";
import { policySettings } from "../../tests/fakes/policy_settings.ts";
import { createPolicy } from "./decide.ts";
import type {
  Decision,
  NamespaceFacts,
  PodFacts,
  PolicySettings,
  ServiceAccountFacts,
} from "./facts.ts";
import { PolicySettingsFault } from "./reserved_roles.ts";

const own = "arn:aws:iam::111122223333:role";
const settings: PolicySettings = {
  ...policySettings,
  reservedRoleArns: [`${own}/infra/server`, "arn:aws:sts::111122223333:assumed-role/node/i-1"],
};

function decided(
  pod: Partial<PodFacts>,
  namespace: Partial<NamespaceFacts> | undefined = {},
  changes: Partial<PolicySettings> = {},
  account?: ServiceAccountFacts,
): Decision {
  const facts = namespace === undefined ? undefined : namespaceFacts(namespace);
  return createPolicy({ ...settings, ...changes }).decide(podFacts(pod), facts, account);
}

function outcome(decision: Decision): string {
  if (decision.kind === "denied") return decision.denial.reason;
  return decision.kind === "role" ? decision.identity.arn : "none";
}

// name, pod, namespace, settings, outcome
const cases = [
  ["no role", {}, {}, {}, "none"],
  ["a name", { role: "reader" }, {}, {}, `${own}/reader`],
  ["a path and name", { role: "/team/reader" }, {}, {}, `${own}/team/reader`],
  ["an ARN", { role: `${own}/reader` }, {}, {}, `${own}/reader`],
  ["declined", { role: "" }, { defaultRole: "reader" }, {}, "none"],
  ["the default", {}, { defaultRole: "reader" }, {}, `${own}/reader`],
  ["the default, not permitted", {}, { defaultRole: "reader", permitted: "x" }, {}, "NotPermitted"],
  ["host network", { role: "reader", hostNetwork: true }, {}, {}, `${own}/reader`],
  ["over", { role: "reader", terminal: true }, {}, {}, `${own}/reader`],
  ["mirror", { role: "reader", mirror: true }, {}, {}, "StaticPod"],
  ["mirror, by default", { mirror: true }, { defaultRole: "reader" }, {}, "StaticPod"],
  ["mirror that asks for nothing", { mirror: true }, {}, {}, "none"],
  ["another namespace's facts", { role: "reader" }, { name: "other" }, {}, "NamespaceUnknown"],
  ["another's default", {}, { name: "other", defaultRole: "reader" }, {}, "NamespaceUnknown"],
  ["malformed", { role: "a b" }, {}, {}, "RoleMalformed"],
  ["64 KiB", { role: "x".repeat(65_536) }, {}, {}, "RoleMalformed"],
  ["no base", { role: "reader" }, {}, { roleBaseArn: null }, "RoleBaseUnknown"],
  ["no base, ARN", { role: `${own}/reader` }, {}, { roleBaseArn: null }, `${own}/reader`],
  ["no base, malformed", { role: "*" }, {}, { roleBaseArn: null }, "RoleMalformed"],
  ["reserved", { role: "infra/server" }, {}, {}, "RoleReserved"],
  ["reserved, not permitted", { role: "infra/server" }, { permitted: null }, {}, "RoleReserved"],
  ["reserved by its session", { role: "any/path/node" }, {}, {}, "RoleReserved"],
  ["reserved by default", {}, { defaultRole: "infra/server" }, {}, "RoleReserved"],
  ["nothing permitted", { role: "reader" }, { permitted: null }, {}, "PermittedAbsent"],
  ["empty", { role: "reader" }, { permitted: "" }, {}, "PermittedEmpty"],
  ["invalid", { role: "reader" }, { permitted: "[" }, {}, "PermittedInvalid"],
  ["not permitted", { role: "reader" }, { permitted: "a|b" }, {}, "NotPermitted"],
  ["external ID", { role: "reader", externalId: "a" }, {}, {}, "ExternalIdInvalid"],
  ["external ID, empty", { role: "reader", externalId: "" }, {}, {}, `${own}/reader`],
  ["too long", { role: "reader", sessionDuration: "2h" }, {}, {}, "SessionDurationInvalid"],
  ["no duration", { role: "reader", sessionDuration: "" }, {}, {}, "SessionDurationInvalid"],
] as const;

for (const [name, pod, namespace, changes, expected] of cases) {
  test(`decide, ${name}: ${expected}`, () => {
    assert.equal(outcome(decided(pod, namespace, changes)), expected);
  });
}

test("decide, namespace not known: no role, but a pod that declines has none", () => {
  const policy = createPolicy(settings);
  const of = (role: string | null) =>
    outcome(policy.decide(podFacts({ role }), undefined, undefined));
  assert.deepEqual([of("reader"), of(null), of("")], [
    "NamespaceUnknown",
    "NamespaceUnknown",
    "none",
  ]);
});

// ServiceAccount's namespace, name, role; outcome
const accounts = [
  ["shop", "default", "reader", `${own}/reader`],
  ["shop", "default", null, `${own}/fallback`],
  ["shop", "default", "", "none"],
  ["other", "default", "reader", `${own}/fallback`],
  ["shop", "other", "reader", `${own}/fallback`],
] as const;

for (const [namespace, name, role, expected] of accounts) {
  test(`decide, ServiceAccount ${namespace}/${name} with ${JSON.stringify(role)}: ${expected}`, () => {
    const decision = decided({}, { defaultRole: "fallback" }, {}, { namespace, name, role });
    assert.equal(outcome(decision), expected);
  });
}

test("decide: name, request and identity of a role", () => {
  const pod = {
    role: "/team/reader",
    sessionName: "s p",
    externalId: "id",
    sessionDuration: "30m",
  };
  assert.deepEqual(decided(pod, {}, { sessionTags: true, clusterName: "c1" }), {
    kind: "role",
    name: "reader",
    requested: "/team/reader",
    identity: {
      arn: `${own}/team/reader`,
      sessionName: "s-p",
      externalId: "id",
      durationSeconds: 1800,
      tags: [
        ["kubernetes-namespace", "shop"],
        ["kubernetes-service-account", "default"],
        ["kubernetes-pod-name", "web"],
        ["kubernetes-pod-uid", "uid-web"],
        ["eks-cluster-name", "c1"],
      ],
    },
  });
});

// the server's duration, its most, the pod's, seconds or reason
const durations = [
  [3600, 43200, null, 3600],
  [43200, 43200, null, 43200],
  [43200, 3600, null, 3600],
  [43200, 3600, "1h", 3600],
  [43200, 3600, "2h", "SessionDurationInvalid"],
  [3600, 43200, "15m", 900],
] as const;

for (const [sessionDurationSeconds, maxSessionDurationSeconds, text, expected] of durations) {
  test(`decide, ${text} of ${sessionDurationSeconds} s, at most ${maxSessionDurationSeconds}`, () => {
    const limits = { sessionDurationSeconds, maxSessionDurationSeconds };
    const decision = decided({ role: "reader", sessionDuration: text }, {}, limits);
    const got = decision.kind === "role" ? decision.identity.durationSeconds : outcome(decision);
    assert.equal(got, expected);
  });
}

// pod, namespace, settings, the whole message
const messages = [
  [
    { role: "reader" },
    { permitted: `^${own}/x$` },
    {},
    `namespace shop: iam.amazonaws.com/permitted "^${own}/x$" does not match the whole of ` +
    `${own}/reader; change the expression, or the pod's iam.amazonaws.com/role`,
  ],
  [
    { role: "reader" },
    { permitted: null },
    {},
    "namespace shop: iam.amazonaws.com/permitted is missing; set it to an expression that matches " +
    `the whole of ${own}/reader`,
  ],
  [
    { role: "two\nlines" },
    {},
    {},
    'pod shop/web: iam.amazonaws.com/role "two\\u000alines" is not a role: a role\'s name is 1 to 64 ' +
    "of letters, digits and _+=,.@-; write NAME, PATH/NAME or an ARN",
  ],
  [
    {},
    { defaultRole: "reader" },
    { roleBaseArn: null },
    'namespace shop: iam.amazonaws.com/default-role "reader" names no account, and the ' +
    "server's is not known; write the role's full ARN, or set the server's --role-base-arn",
  ],
  [
    { role: "reader", sessionDuration: "2h" },
    {},
    {},
    'pod shop/web: iam.amazonaws.com/session-duration "2h" is more than the server\'s 1h; write a ' +
    "duration from 15m to 1h, or remove it",
  ],
  [
    { role: "reader", externalId: "not this" },
    {},
    {},
    "pod shop/web: iam.amazonaws.com/external-id contains a character that STS doesn't accept; write 2 " +
    "to 1224 of letters, digits and _+=,.@:/-, or remove it",
  ],
] as const;

for (const [pod, namespace, changes, expected] of messages) {
  test(`denial: ${expected.slice(0, 60)}...`, () => {
    const decision = decided(pod, namespace, changes);
    assert.equal(decision.kind === "denied" && decision.denial.message, expected);
  });
}

test("a policy isn't made of settings that mean nothing", () => {
  for (const wrong of [{ roleBaseArn: "reader/" }, { reservedRoleArns: ["server"] }]) {
    assert.throws(() => createPolicy({ ...settings, ...wrong }), PolicySettingsFault);
  }
});

test("namespace problem: broken annotations, whichever role is requested", () => {
  const policy = createPolicy(settings);
  assert.equal(
    policy.namespaceProblem(namespaceFacts({ permitted: "(" }))?.reason,
    "PermittedInvalid",
  );
  assert.equal(policy.namespaceProblem(namespaceFacts()), null);
});
