import assert from "node:assert/strict";
import { test } from "node:test";
import { namespaceFacts, podFacts, serviceAccountFacts } from "../../tests/fakes/facts.ts";
import { policySettings } from "../../tests/fakes/policy_settings.ts";
import type { NamespaceFacts, PodFacts, PolicySettings } from "../policy/facts.ts";
import type { Predecessor } from "./predecessor.ts";
import { likelyPredecessors, migrationReport, reportText } from "./report.ts";

const base = "arn:aws:iam::111122223333:role/";
const before = {
  roleBaseArn: base,
  session: "kiam",
  strict: true,
  defaultRole: "basic",
  restrictions: "off",
} as const;
const ours = { ...policySettings, sessionDurationSeconds: 43_200 };

function report(
  from: Predecessor,
  pod: Partial<PodFacts>,
  namespace: Partial<NamespaceFacts> = {},
  { accountRole = null, ...changes }: Partial<PolicySettings> & { accountRole?: string | null } =
    {},
) {
  const account = serviceAccountFacts({ role: accountRole });
  const cluster = {
    pods: [podFacts(pod)],
    namespaces: new Map([["shop", namespaceFacts(namespace)]]),
    serviceAccounts: new Map([["shop/default", account]]),
  };
  return migrationReport({ cluster }, [from], { before, ours: { ...ours, ...changes } });
}

const reader = { role: "reader" };

// predecessor, pod, namespace, the difference, what its text says
const rows: readonly (readonly [
  Predecessor,
  Partial<PodFacts>,
  Partial<NamespaceFacts>,
  string | null,
  RegExp?,
])[] = [
  ["kiam-v4", reader, {}, null],
  ["kiam-v4", {}, {}, null],
  ["kiam-v4", reader, { permitted: null }, null],
  ["kiam-v4", reader, { permitted: "other" }, null],
  ["kiam-v4", { ...reader, terminal: true }, { permitted: "arn:|x" }, null],
  ["kiam-v4", reader, { permitted: "arn:|x" }, "loses-role", /one side only/],
  ["kiam-v4", reader, { permitted: "arn:|x" }, "loses-role", /such as \(\?:arn:\|x\)\.\*/],
  ["kiam-v4", { ...reader, mirror: "0123" }, {}, "loses-role", /StaticPod/],
  ["kiam-v4", { ...reader, externalId: "x" }, {}, "loses-role", /ExternalIdInvalid/],
  ["kiam-v4", { ...reader, sessionName: "cart" }, {}, "session-name", /kiam-cart before, cart now/],
  ["kiam-v4", reader, { permitted: "(" }, null],
  ["kiam-v4", reader, { permitted: "\\p{Letter}*" }, "not-judged", /Unicode classes/],
  ["kiam-v4", {}, { defaultRole: "basic" }, "gains-role", /default-role/],
  ["kiam-v3", reader, { permitted: "reader" }, "loses-role", /annotation's own text/],
  ["kiam-v3", reader, { permitted: "reader" }, "loses-role", /such as \.\*:role\/\(\?:reader\)/],
  ["kiam-v3", reader, { permitted: "ead" }, "loses-role", /a match anywhere/],
  ["kiam-v3", reader, { permitted: "arn:.*" }, "gains-role", /the whole ARN/],
  ["kiam-v3", { ...reader, externalId: "id" }, {}, "external-id"],
  ["kiam-v3", { ...reader, sessionName: "cart" }, {}, "session-name"],
  ["kube2iam", reader, {}, null],
  ["kube2iam", reader, { permitted: null }, "loses-role", /PermittedAbsent/],
  [
    "kube2iam",
    reader,
    { permitted: null, allowedRoles: '["r*"]' },
    "loses-role",
    /--allowed-roles/,
  ],
  [
    "kube2iam",
    reader,
    { permitted: null, allowedRoles: "[]" },
    "loses-role",
    /; \.\* permits what/,
  ],
  ["kube2iam", {}, {}, "no-role", /default-role/],
  ["kube2iam", {}, { defaultRole: "basic" }, null],
  ["kube2iam", {}, { defaultRole: "other" }, "other-role", /role\/basic before/],
  ["kube2iam", { role: "/reader" }, {}, "gains-role", /STS refuses/],
];

for (const [from, pod, namespace, kind, text] of rows) {
  test(`migrationReport() ${from} ${JSON.stringify({ ...pod, ...namespace })}: ${kind}`, () => {
    const { differences } = report(from, pod, namespace);
    assert.deepEqual(differences.map((one) => one.kind), kind === null ? [] : [kind]);
    const [found] = differences;
    if (text !== undefined) assert.match(`${found?.why}; ${found?.remedy}`, text);
  });
}

test("migrationReport(): a ServiceAccount's role is gained, and can be declined", () => {
  const [found] = report("kiam-v4", {}, {}, { accountRole: "reader" }).differences;
  assert.equal(found?.kind, "gains-role");
  assert.match(found.why, /ServiceAccount/);
  assert.match(found.remedy, /iam.amazonaws.com\/role: ""/);
});

// permitted, what the hint says
const hints = [
  [".*", null],
  [".*\n", /ends in a newline/],
  ["(", /is not RE2 syntax/],
  ["a|b", /outside a group/],
  ["(?:a|b)", null],
  ["[|]", null],
  ["[]|]", null],
  ["a\\|b", null],
  ["\\Qa|b\\E", null],
  ["(a)|(b)", /outside a group/],
] as const;

for (const [permitted, text] of hints) {
  test(`migrationReport() hints for ${JSON.stringify(permitted)}: ${text}`, () => {
    const own = report("kube2iam", reader, { permitted }).hints;
    if (text === null) return assert.deepEqual(own, []);
    assert.match(own.join("\n"), text);
  });
}

test("migrationReport(): kiam's session names are reported once", () => {
  assert.match(report("kiam-v4", reader).hints.join(), /--session-name=kiam-kiam/);
  assert.deepEqual(report("kube2iam", reader).hints, []);
});

test("migrationReport(): trust policies must allow what the server sends in addition", () => {
  const changes = {
    sessionTags: [{ key: "team", template: "{namespace}" }],
    sourceIdentityTemplate: "{namespace}",
    externalIdTemplate: "{namespace}/{serviceAccount}",
  };
  const quiet = report("kube2iam", reader, {}, changes);
  assert.deepEqual(quiet.differences, [], "a template's external ID alone changes no answer");
  assert.match(quiet.hints.join(), /allow sts:TagSession .*allow sts:SetSourceIdentity/);
});

// pod, namespace, settings, the reason why it loses its role
const trustRows: readonly (readonly [
  Partial<PodFacts>,
  Partial<NamespaceFacts>,
  Partial<PolicySettings>,
  string,
])[] = [
  [{ externalId: "my-id" }, {}, { externalIdTemplate: "{namespace}/x" }, "ExternalIdFixed"],
  [{}, { externalId: "my-id" }, {}, "ExternalIdNotPermitted"],
  [{}, { assumeRole: "trust" }, {}, "AssumeRoleNotPermitted"],
  [{}, { sessionPolicy: "{" }, {}, "SessionPolicyInvalid"],
];

for (const [pod, namespace, changes, reason] of trustRows) {
  test(`migrationReport() ${JSON.stringify({ ...pod, ...namespace })}: ${reason}`, () => {
    const [found] = report("kiam-v4", { ...reader, ...pod }, namespace, changes).differences;
    assert.equal(found?.kind, "loses-role");
    assert.match(found.why, new RegExp(`^${reason}: `));
  });
}

test("likelyPredecessors(): expressions are kiam's", () => {
  const cluster = (permitted: string | null) => ({
    pods: [],
    namespaces: new Map([["shop", namespaceFacts({ permitted })]]),
    serviceAccounts: new Map(),
  });
  assert.deepEqual(likelyPredecessors(cluster(".*")), ["kiam-v3", "kiam-v4"]);
  assert.deepEqual(likelyPredecessors(cluster(null)), ["kube2iam"]);
});

test("reportText(): by kind and cause, each pod once in the count", () => {
  const one = report("kiam-v4", { ...reader, sessionName: "cart" });
  assert.equal(
    reportText({ ...one, hints: ["a hint"] }),
    `1 pod compared with kiam-v4: 1 gets another answer

session-name: gets its role under another session name
  kiam-v4: kiam-cart before, cart now; where a policy or query knows the name, write kiam- into the annotation itself
    shop/web

Notes:
  a hint
`,
  );
  const none = reportText({ ...report("kiam-v4", reader), hints: [] });
  assert.equal(none, "1 pod compared with kiam-v4: no answer differs\n");
});
