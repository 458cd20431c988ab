import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import {
  namespaceFacts,
  podFacts,
  roleIdentity,
  serviceAccountFacts,
} from "../../tests/fakes/facts.ts";
import { policySettings } from "../../tests/fakes/policy_settings.ts";
import { createPolicy } from "./decide.ts";
import type {
  Decision,
  NamespaceFacts,
  PodFacts,
  PolicySettings,
  ServiceAccountFacts,
} from "./facts.ts";
import { eksTags } from "./session_tags.ts";
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
  ["host network", { role: "reader", hostNetwork: true }, {}, {}, "HostNetwork"],
  [
    "host network, with container credentials",
    { role: "reader", hostNetwork: true },
    {},
    { hostNetworkServed: true },
    `${own}/reader`,
  ],
  ["host network without a role", { hostNetwork: true }, {}, {}, "none"],
  ["over", { role: "reader", terminal: true }, {}, {}, `${own}/reader`],
  ["mirror", { role: "reader", mirror: "0123" }, {}, {}, "StaticPod"],
  ["mirror, by default", { mirror: "0123" }, { defaultRole: "reader" }, {}, "StaticPod"],
  ["mirror that asks for nothing", { mirror: "0123" }, {}, {}, "none"],
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
    const account = serviceAccountFacts({ namespace, name, role });
    const decision = decided({}, { defaultRole: "fallback" }, {}, account);
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
  assert.deepEqual(decided(pod, {}, { sessionTags: eksTags, clusterName: "c1" }), {
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
      transitiveTagKeys: [],
      sourceIdentity: null,
      policyArns: [],
      policy: null,
      assumedBy: null,
      webIdentity: null,
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
    'namespace shop: iam.amazonaws.com/default-role "reader" has no account, and the ' +
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

test("createPolicy() refuses settings that mean nothing", () => {
  for (
    const wrong of [
      { roleBaseArn: "reader/" },
      { reservedRoleArns: ["server"] },
      { assumeRolePermitted: "(" },
      { externalIdPermitted: "x" },
    ]
  ) {
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

const trust = { assumeRolePermitted: `${own}/trust/{namespace}` };

test("trust role: assumed first, for an hour, with the namespace's external ID", () => {
  const changes = { ...trust, externalIdTemplate: "{namespace}/{serviceAccount}" };
  const got = decided({ role: "reader" }, { assumeRole: "trust/shop" }, {
    ...changes,
    sessionDurationSeconds: 43_200,
  });
  assert.ok(got.kind === "role");
  assert.equal(got.identity.externalId, "shop/default");
  assert.equal(got.identity.durationSeconds, 3600, "a chained session");
  assert.deepEqual(
    got.identity.assumedBy,
    roleIdentity({
      arn: `${own}/trust/shop`,
      sessionName: "rolecall.shop",
      externalId: "shop",
    }),
  );
});

test("trust role: the same identity for every pod of the namespace", () => {
  const of = (pod: Partial<PodFacts>) => {
    const got = decided({ role: "reader", ...pod }, { assumeRole: "trust/shop" }, {
      ...trust,
      externalIdTemplate: "{namespace}/{serviceAccount}",
      sessionTags: eksTags,
      sourceIdentityTemplate: "{pod}",
    });
    return got.kind === "role" ? got.identity.assumedBy : got;
  };
  const other = { name: "other", uid: "u2", serviceAccount: "cart", sessionDuration: "15m" };
  assert.deepEqual(of({}), of(other));
});

// name, pod, namespace, settings, the reason
const trustRoles = [
  ["without expression", {}, { assumeRole: "trust/shop" }, {}, "AssumeRoleNotPermitted"],
  ["another namespace's", {}, { assumeRole: "trust/bank" }, trust, "AssumeRoleNotPermitted"],
  ["malformed", {}, { assumeRole: "a b" }, trust, "AssumeRoleNotPermitted"],
  ["without account", { role: `${own}/x` }, { assumeRole: "trust/shop" }, {
    ...trust,
    roleBaseArn: null,
  }, "AssumeRoleNotPermitted"],
  ["the server's own", {}, { assumeRole: "trust/shop" }, {
    ...trust,
    reservedRoleArns: [`${own}/shop`],
  }, "AssumeRoleNotPermitted"],
  ["empty", {}, { assumeRole: "" }, trust, `${own}/reader`],
  ["a session too long for a chain", { sessionDuration: "2h" }, { assumeRole: "trust/shop" }, {
    ...trust,
    sessionDurationSeconds: 43_200,
  }, "SessionDurationInvalid"],
  ["as a pod's role", { role: "trust/shop" }, {}, trust, "RoleReserved"],
  ["another's as a pod's role", { role: "trust/bank" }, {}, trust, "RoleReserved"],
  ["in other letters", { role: "TRUST/bank" }, {}, trust, "RoleReserved"],
] as const;

for (const [name, pod, namespace, changes, expected] of trustRoles) {
  test(`trust role, ${name}: ${expected}`, () => {
    assert.equal(outcome(decided({ role: "reader", ...pod }, namespace, changes)), expected);
  });
}

test("trust role: a namespace of one letter needs a longer external ID", () => {
  const changes = { ...trust, externalIdTemplate: "{namespace}/{serviceAccount}" };
  const pod = { role: "reader", namespace: "s" };
  const got = decided(pod, { name: "s", assumeRole: "trust/s" }, changes);
  assert.equal(outcome(got), "ExternalIdInvalid");
  assert.equal(outcome(decided(pod, { name: "s" }, changes)), `${own}/reader`);
});

const managed = (name: string) => `arn:aws:iam::111122223333:policy/${name}`;
const deny = '{"Effect":"Deny","Action":"*","Resource":"*"}';
const inline = `{"Version":"2012-10-17","Statement":[${deny},${deny.replace("Deny", "Allow")}]}`;

test("session policies: of namespace, ServiceAccount and pod together, sorted, each once", () => {
  const got = decided(
    { role: "reader", sessionPolicyArns: ` ${managed("c")} , ${managed("a")}` },
    { sessionPolicyArns: managed("b"), sessionPolicy: inline },
    {},
    serviceAccountFacts({
      sessionPolicyArns: `${managed("a")},arn:aws:iam::aws:policy/ReadOnlyAccess,`,
    }),
  );
  assert.ok(got.kind === "role");
  assert.deepEqual(got.identity.policyArns, [
    managed("a"),
    managed("b"),
    managed("c"),
    "arn:aws:iam::aws:policy/ReadOnlyAccess",
  ]);
  assert.equal(got.identity.policy, inline);
});

const eleven = Array.from({ length: 11 }, (_, at) => managed(`p${at}`)).join(",");
const statement = (more: object) =>
  JSON.stringify({ Statement: { Effect: "Allow", Action: "*", Resource: "*", ...more } });
const incompressible = Array.from(
  { length: 44 },
  (_, at) => createHash("sha256").update(String(at)).digest("base64url"),
).join("");

// pod, namespace, the message
const policyProblems: readonly (readonly [Partial<PodFacts>, Partial<NamespaceFacts>, RegExp])[] = [
  [
    { sessionPolicyArns: eleven },
    {},
    /^pod shop\/web: .* are 11 policies, and STS accepts 10; remove/,
  ],
  [
    { sessionPolicyArns: "reader" },
    {},
    /^pod shop\/web: .*arns has "reader", which is not the ARN of a managed policy of account 1111/,
  ],
  [
    { sessionPolicyArns: "arn:aws:iam::999988887777:policy/x" },
    {},
    /of account 111122223333 or of AWS/,
  ],
  [{ sessionPolicyArns: "arn:aws-cn:iam::aws:policy/x" }, {}, /of account 111122223333 or of AWS/],
  [{ sessionPolicyArns: managed("x".repeat(2048)) }, {}, /of account 111122223333 or of AWS/],
  [{}, { sessionPolicyArns: "x" }, /^namespace shop: .*session-policy-arns has "x"/],
  [{}, { sessionPolicy: "{" }, /^namespace shop: .*session-policy is not JSON; write/],
  [{}, { sessionPolicy: "[]" }, /is not an IAM policy: it needs Statement/],
  [{}, { sessionPolicy: '{"Statement":[]}' }, /is not an IAM policy/],
  [{}, { sessionPolicy: statement({ Effect: "Maybe" }) }, /is not an IAM policy/],
  [
    {},
    { sessionPolicy: statement({}).replace('"Effect"', '"Effect": "Deny", "\\u0045ffect"') },
    /has "Effect" twice in one object; write a session policy/,
  ],
  [{}, { sessionPolicy: statement({ Action: undefined }) }, /is not an IAM policy/],
  [{}, { sessionPolicy: statement({ Resource: undefined }) }, /is not an IAM policy/],
  [{}, { sessionPolicy: statement({ NotAction: "s3:*" }) }, /is not an IAM policy/],
  [{}, { sessionPolicy: statement({ Principal: "*" }) }, /is not an IAM policy/],
  [{}, { sessionPolicy: statement({ Sid: "日本" }) }, /a character that STS doesn't accept/],
  [{}, { sessionPolicy: statement({ Sid: "s".repeat(2000) }) }, /is longer than 2048 characters/],
  [
    { sessionPolicyArns: managed("x".repeat(200)) },
    { sessionPolicy: statement({ Sid: "s".repeat(1900) }) },
    /have 2\d+ characters, and STS accepts 2048/,
  ],
];

for (const [pod, namespace, message] of policyProblems) {
  test(`session policies: ${message}`, () => {
    const got = decided({ role: "reader", ...pod }, namespace);
    assert.equal(outcome(got), "SessionPolicyInvalid");
    assert.match(got.kind === "denied" ? got.denial.message : "", message);
  });
}

test("session policies and tags: too large in packed form", () => {
  const large = { sessionPolicy: statement({ Sid: incompressible.slice(0, 1900) }) };
  assert.equal(outcome(decided({ role: "reader" }, large)), "SessionTooLarge");
  const usual = { sessionPolicy: statement({ Action: Array(60).fill("s3:GetObject") }) };
  assert.equal(outcome(decided({ role: "reader" }, usual)), `${own}/reader`);
});

const byToken = { assumeWith: "service-account" } as const;

test("web identity: what AssumeRoleWithWebIdentity takes, for up to twelve hours", () => {
  const pod = { role: "reader", sessionPolicyArns: managed("a") };
  const got = decided(pod, { sessionPolicy: inline }, {
    ...byToken,
    sessionDurationSeconds: 43_200,
    maxSessionDurationSeconds: 3600,
  });
  assert.ok(got.kind === "role");
  assert.deepEqual(
    got.identity,
    roleIdentity({
      arn: `${own}/reader`,
      sessionName: "shop.default",
      durationSeconds: 43_200,
      policyArns: [managed("a")],
      policy: inline,
      webIdentity: { namespace: "shop", serviceAccount: "default", audience: "sts.amazonaws.com" },
    }),
  );
});

test("web identity: one identity for all pods of a ServiceAccount", () => {
  const of = (pod: Partial<PodFacts>) => decided({ role: "reader", ...pod }, {}, byToken);
  assert.deepEqual(of({}), of({ name: "other", uid: "u2" }));
  assert.notDeepEqual(of({}), of({ serviceAccount: "cart" }));
});

// name, pod, namespace, settings, the ARN or the reason
const assumeWithRows = [
  ["by the namespace", {}, { assumeWith: "service-account" }, {}, `${own}/reader`],
  [
    "the server, by the namespace",
    {},
    { assumeWith: "server", externalId: "" },
    byToken,
    `${own}/reader`,
  ],
  ["an empty annotation", {}, { assumeWith: "" }, {}, `${own}/reader`],
  ["another value", {}, { assumeWith: "Server" }, {}, "AssumeWithInvalid"],
  ["an external ID of the pod", { externalId: "my-id" }, {}, byToken, "AssumeWithConflict"],
  ["an empty one", { externalId: "" }, {}, byToken, `${own}/reader`],
  ["one of the namespace", {}, { externalId: "my-id" }, byToken, "AssumeWithConflict"],
  [
    "a trust role",
    {},
    { assumeRole: "trust/shop" },
    { ...byToken, ...trust },
    "AssumeWithConflict",
  ],
  ["the server's template", {}, { assumeWith: "service-account" }, {
    externalIdTemplate: "{namespace}/x",
  }, "AssumeWithConflict"],
  ["the server's tags", {}, { assumeWith: "service-account" }, {
    sessionTags: eksTags,
    clusterName: "c",
  }, "AssumeWithConflict"],
  ["the server's source identity", {}, { assumeWith: "service-account" }, {
    sourceIdentityTemplate: "{namespace}",
  }, "AssumeWithConflict"],
  ["a broken session policy", {}, { sessionPolicy: "{" }, byToken, "SessionPolicyInvalid"],
] as const;

for (const [name, pod, namespace, changes, expected] of assumeWithRows) {
  test(`assume-with, ${name}: ${expected}`, () => {
    assert.equal(outcome(decided({ role: "reader", ...pod }, namespace, changes)), expected);
  });
}

// IRSA's annotation, the ServiceAccount's own, the namespace's default, honoured, outcome
const irsa = `${own}/irsa`;
const irsaRows = [
  [irsa, null, null, true, irsa],
  [irsa, "reader", null, true, `${own}/reader`],
  [irsa, "", null, true, "none"],
  [irsa, null, "fallback", true, irsa],
  [irsa, null, "fallback", false, `${own}/fallback`],
  [irsa, null, null, false, "none"],
  ["", null, "fallback", true, `${own}/fallback`],
  ["not an ARN", null, null, true, "RoleMalformed"],
] as const;

for (const [irsaRole, accountRole, defaultRole, honourIrsaAnnotations, expected] of irsaRows) {
  test(`IRSA's annotation ${irsaRole} beside ${accountRole}, ${defaultRole}: ${expected}`, () => {
    const account = serviceAccountFacts({ irsaRole, role: accountRole });
    assert.equal(
      outcome(decided({}, { defaultRole }, { honourIrsaAnnotations }, account)),
      expected,
    );
  });
}
