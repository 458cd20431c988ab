/** What holds of every decision, whatever the facts and settings are. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { namespaceFacts, podFacts } from "../../tests/fakes/facts.ts";
import { createPolicy } from "./decide.ts";
import type { Decision, NamespaceFacts, PodFacts, PolicySettings } from "./facts.ts";

const own = "arn:aws:iam::111122223333:role/";
const secret = "external-secret";

const junk = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: "grapheme", maxLength: 2_000 }),
  fc.constantFrom("", " ", "reader", "arn:x", own + "reader", own + "*", "\u202e", "\ud800"),
  fc.constantFrom("x".repeat(65_536), "\n".repeat(65_536), "é".repeat(2_000)),
);
const text = fc.option(junk);
const junkPod: fc.Arbitrary<PodFacts> = fc.record({
  namespace: fc.oneof(fc.constant("shop"), junk),
  name: junk,
  uid: junk,
  serviceAccount: junk,
  mirror: fc.boolean(),
  role: text,
  sessionName: text,
  externalId: fc.option(fc.constantFrom(secret, `${secret}\n`, secret.repeat(100), "x")),
  sessionDuration: fc.oneof(text, fc.constantFrom("15m", "1h", "3600")),
}).map((changes) => podFacts(changes));
const junkNamespace: fc.Arbitrary<NamespaceFacts> = fc.record({
  name: fc.oneof({ weight: 4, arbitrary: fc.constant("shop") }, { weight: 1, arbitrary: junk }),
  permitted: fc.oneof(text, fc.constantFrom(".*", "(", own + ".*")),
  allowedRoles: fc.oneof(text, fc.constantFrom('["*"]', "[", "[1]")),
  defaultRole: text,
}).map((changes) => namespaceFacts(changes));
const someSettings: fc.Arbitrary<PolicySettings> = fc.record({
  roleBaseArn: fc.constantFrom(null, own, own + "team/"),
  permittedMatch: fc.constantFrom("arn", "name"),
  honourAllowedRoles: fc.boolean(),
  sessionNameTemplate: fc.oneof(junk, fc.constant("{namespace}.{pod}.{cluster}.{role}")),
  sessionDurationSeconds: fc.integer({ min: 900, max: 43_200 }),
  maxSessionDurationSeconds: fc.constantFrom(3_600, 43_200),
  sessionTags: fc.boolean(),
  clusterName: text,
  reservedRoleArns: fc.constantFrom([], [own + "reader"]),
});

test("decide: total, and every answer is fit to be shown or sent to STS", () => {
  const namespace = fc.option(junkNamespace, { nil: undefined });
  fc.assert(
    fc.property(someSettings, junkPod, namespace, text, (settings, pod, facts, role) => {
      const account = { namespace: pod.namespace, name: pod.serviceAccount, role };
      const policy = createPolicy(settings);
      const decision = policy.decide(pod, facts, account);
      assertFit(decision, settings);
      assert.deepEqual(policy.decide(pod, facts, account), decision);
    }),
    { numRuns: 600 },
  );
});

test("decide: a role means that it is permitted, by another reading of the expression", () => {
  const policy = createPolicy({
    roleBaseArn: own,
    permittedMatch: "arn",
    honourAllowedRoles: false,
    sessionNameTemplate: "{namespace}",
    sessionDurationSeconds: 3600,
    maxSessionDurationSeconds: 3600,
    sessionTags: false,
    clusterName: null,
    reservedRoleArns: [own + "aab"],
  });
  const role = fc.string({ unit: fc.constantFrom("a", "b", "/"), maxLength: 4 });
  fc.assert(
    fc.property(role, expression(), (name, permitted) => {
      const decision = policy.decide(
        podFacts({ role: name }),
        namespaceFacts({ permitted }),
        undefined,
      );
      const arn = own + name.replace(/^\//, "");
      const granted = isRole(arn) && !/(?:^|\/)aab$/.test(name) &&
        new RegExp(`^(?:${permitted})$`).test(arn);
      assert.equal(decision.kind === "role", granted && name !== "");
      if (decision.kind === "role") assert.equal(decision.identity.arn, arn);
    }),
    { numRuns: 3000 },
  );
});

/**
 * Expressions that mean the same to RE2 and to JavaScript, often near the ARNs above. Only single
 * characters repeat: JavaScript's engine needs exponential time for more.
 */
function expression(): fc.Arbitrary<string> {
  const one = fc.constantFrom("a", "b", "/", "[ab]", "[^a]", ".", "$", "^", "\\b");
  const repeated = fc.constantFrom("a*", "(b)+", "[ab]*?", ".*", "(?:a){1,2}", "/??", "[^/]{2}");
  const { node } = fc.letrec<{ node: string }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 3 },
      one,
      repeated,
      fc.tuple(tie("node"), tie("node")).map(([left, right]) => left + right),
      fc.tuple(tie("node"), tie("node")).map(([left, right]) => `${left}|${right}`),
      fc.tuple(tie("node"), tie("node")).map(([left, right]) => `(?:${left}|${right})`),
    ),
  }));
  const prefix = fc.constantFrom(own, `^${own}`, ".*/", "", ".*");
  return fc.tuple(prefix, node, fc.constantFrom("", "$", "|x", ".*"))
    .map((parts) => parts.join(""));
}

function isRole(arn: string): boolean {
  return /^arn:aws:iam::111122223333:role(?:\/|\/[ab/]+\/)[ab]+$/.test(arn);
}

function assertFit(decision: Decision, settings: PolicySettings): void {
  if (decision.kind === "none") return;
  if (decision.kind === "denied") {
    const { message } = decision.denial;
    assert.match(message, /^[\x20-\x7e]{20,500}$/);
    assert.ok(!message.includes(secret), "no external ID in a message");
    assert.match(message, /; (?:write|set|change|add|run|check|nothing)|; name another|, which no/);
    return;
  }
  const { arn, sessionName, durationSeconds } = decision.identity;
  assert.ok(arn.endsWith(`/${decision.name}`));
  assert.match(sessionName, /^[\w+=,.@-]{2,64}$/);
  const most = Math.min(settings.sessionDurationSeconds, settings.maxSessionDurationSeconds);
  assert.ok(durationSeconds >= 900 && durationSeconds <= most);
}
