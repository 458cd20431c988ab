/** kiam's and kube2iam's own answers, as their sources give them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { namespaceFacts, podFacts, serviceAccountFacts } from "../../tests/fakes/facts.ts";
import type { NamespaceFacts, PodFacts } from "../policy/facts.ts";
import { oldAnswer, type Predecessor, type PredecessorSettings } from "./predecessor.ts";

const base = "arn:aws:iam::111122223333:role/";
const usual: PredecessorSettings = {
  roleBaseArn: base,
  session: "kiam",
  strict: true,
  defaultRole: null,
  restrictions: "off",
};
const unstrict = { strict: false };
const reader = { role: "reader" };

type Row = readonly [
  from: Predecessor,
  pod: Partial<PodFacts>,
  namespace: Partial<NamespaceFacts>,
  settings: Partial<PredecessorSettings>,
  expected: string,
];

const rows: readonly Row[] = [
  // No role, no namespace policy.
  ["kiam-v4", {}, {}, {}, "none"],
  ["kiam-v4", { role: "" }, {}, {}, "none"],
  ["kiam-v4", reader, { permitted: null }, {}, "denied"],
  ["kiam-v4", reader, { permitted: "" }, {}, "denied"],
  ["kiam-v3", reader, { permitted: null }, {}, "denied"],
  // The ARN, with ^ and $ added, in v4.
  ["kiam-v4", reader, { permitted: ".*" }, {}, base + "reader"],
  ["kiam-v4", reader, { permitted: "reader" }, {}, "denied"],
  ["kiam-v4", reader, { permitted: ".*reader" }, {}, base + "reader"],
  ["kiam-v4", reader, { permitted: "x|reader" }, {}, base + "reader"],
  ["kiam-v4", reader, { permitted: "arn:|x" }, {}, base + "reader"],
  ["kiam-v4", reader, { permitted: "(?:x|reader)" }, {}, "denied"],
  ["kiam-v4", reader, { permitted: ".*\n" }, {}, "denied"],
  // Where kiam fails on the expression it gives no role; in v4 with $ added.
  ["kiam-v4", reader, { permitted: "(" }, {}, "denied"],
  ["kiam-v3", reader, { permitted: "(" }, {}, "denied"],
  ["kiam-v4", reader, { permitted: ".*\\" }, {}, "denied"],
  ["kiam-v4", reader, { permitted: "\\p{Letter}*" }, {}, "unknown"],
  ["kiam-v4", reader, { permitted: "reader" }, unstrict, base + "reader"],
  // Any part of the annotation's text, in v3.
  ["kiam-v3", reader, { permitted: "reader" }, {}, base + "reader"],
  ["kiam-v3", reader, { permitted: "ead" }, {}, base + "reader"],
  ["kiam-v3", reader, { permitted: "^read" }, {}, base + "reader"],
  ["kiam-v3", reader, { permitted: "arn:.*" }, {}, "denied"],
  ["kiam-v3", { role: base + "reader" }, { permitted: "arn:.*" }, {}, base + "reader"],
  // Names, paths and ARNs.
  ["kiam-v4", { role: "/team/reader" }, {}, {}, base + "team/reader"],
  ["kiam-v4", { role: "a b" }, {}, {}, "denied"],
  ["kiam-v4", { role: "arn:x" }, {}, {}, "denied"],
  ["kiam-v4", reader, {}, { roleBaseArn: null }, "unknown"],
  ["kiam-v4", { role: base + "reader" }, {}, { roleBaseArn: null }, base + "reader"],
  // ServiceAccounts and namespaces name no roles there, and mirror pods get theirs.
  ["kiam-v4", {}, { defaultRole: "reader" }, {}, "none"],
  ["kiam-v4", { ...reader, mirror: "0123" }, {}, {}, base + "reader"],
  // kube2iam: a default, and namespaces that restrict only if configured.
  ["kube2iam", reader, { permitted: null }, {}, base + "reader"],
  ["kube2iam", {}, {}, {}, "none"],
  ["kube2iam", {}, {}, { defaultRole: "basic" }, base + "basic"],
  ["kube2iam", {}, {}, { defaultRole: "basic", restrictions: "glob" }, base + "basic"],
  ["kube2iam", { role: "/reader" }, {}, {}, "denied"],
  ["kube2iam", reader, {}, { restrictions: "glob" }, "denied"],
  ["kube2iam", reader, { allowedRoles: '["read*"]' }, { restrictions: "glob" }, base + "reader"],
  ["kube2iam", reader, { allowedRoles: '["write*"]' }, { restrictions: "glob" }, "denied"],
  ["kube2iam", reader, { allowedRoles: "read*" }, { restrictions: "glob" }, "denied"],
  ["kube2iam", reader, { allowedRoles: '["re.d"]' }, { restrictions: "regexp" }, base + "reader"],
  ["kube2iam", reader, { allowedRoles: '["ARN:.*"]' }, { restrictions: "regexp" }, "denied"],
];

for (const [from, pod, namespace, settings, expected] of rows) {
  const text = JSON.stringify({ ...pod, ...namespace, ...settings });
  test(`oldAnswer() ${from} ${text}: ${expected}`, () => {
    const facts = {
      pod: podFacts(pod),
      namespace: namespaceFacts(namespace),
      serviceAccount: serviceAccountFacts({ role: "ignored" }),
    };
    const answer = oldAnswer(from, facts, { ...usual, ...settings });
    assert.equal(answer.kind === "role" ? answer.arn : answer.kind, expected);
  });
}

// predecessor, the pod's annotation, --session, the session's name
const sessions = [
  ["kiam-v4", null, "kiam", "kiam-kiam"],
  ["kiam-v4", "", "kiam", "kiam-kiam"],
  ["kiam-v4", "cart", "kiam", "kiam-cart"],
  ["kiam-v3", "cart", "prod", "kiam-prod"],
  ["kiam-v4", "a b/ü", "kiam", "kiam-a-b--"],
  ["kiam-v4", "x".repeat(59), "kiam", "kiam-" + "x".repeat(59)],
  ["kiam-v4", "x".repeat(60), "kiam", "kiam-" + "x".repeat(58)],
  ["kube2iam", "cart", "kiam", null],
] as const;

for (const [from, sessionName, session, expected] of sessions) {
  test(`oldAnswer() ${from}: session ${sessionName} of ${session} is ${expected}`, () => {
    const pod = podFacts({ ...reader, sessionName, externalId: "id" });
    const facts = { pod, namespace: namespaceFacts(), serviceAccount: undefined };
    const answer = oldAnswer(from, facts, { ...usual, session });
    assert.ok(answer.kind === "role");
    assert.equal(answer.sessionName, expected);
    assert.equal(answer.externalId, from === "kiam-v3" ? null : "id");
  });
}
