/** What holds of every decision, whatever the facts and settings are. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { namespaceFacts, podFacts, serviceAccountFacts } from "../../tests/fakes/facts.ts";
import { policySettings } from "../../tests/fakes/policy_settings.ts";
import { createPolicy, type Policy } from "./decide.ts";
import type { Decision, NamespaceFacts, PodFacts, PolicySettings } from "./facts.ts";
import { eksTags } from "./session_tags.ts";

const own = "arn:aws:iam::111122223333:role/";
const secret = "external-secret";
const policyArn = "arn:aws:iam::111122223333:policy/limits";
const inlinePolicy = '{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}';

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
  mirror: fc.constantFrom(null, "", "0123"),
  role: text,
  sessionName: text,
  externalId: fc.option(fc.constantFrom(secret, `${secret}\n`, secret.repeat(100), "x")),
  sessionDuration: fc.oneof(text, fc.constantFrom("15m", "1h", "3600")),
  sessionPolicyArns: fc.oneof(text, fc.constantFrom("arn:aws:iam::aws:policy/x,,y", policyArn)),
}).map((changes) => podFacts(changes));
const junkNamespace: fc.Arbitrary<NamespaceFacts> = fc.record({
  name: fc.oneof({ weight: 4, arbitrary: fc.constant("shop") }, { weight: 1, arbitrary: junk }),
  permitted: fc.oneof(text, fc.constantFrom(".*", "(", own + ".*")),
  allowedRoles: fc.oneof(text, fc.constantFrom('["*"]', "[", "[1]")),
  defaultRole: text,
  externalId: fc.oneof(text, fc.constantFrom(secret, "acme/shop")),
  assumeRole: fc.oneof(text, fc.constantFrom("trust/shop", "trust/bank")),
  assumeWith: fc.oneof(text, fc.constantFrom("server", "service-account")),
  sessionPolicyArns: fc.oneof(text, fc.constant(policyArn)),
  sessionPolicy: fc.oneof(text, fc.constant(inlinePolicy)),
}).map((changes) => namespaceFacts(changes));
const someSettings: fc.Arbitrary<PolicySettings> = fc.record({
  roleBaseArn: fc.constantFrom(null, own, own + "team/"),
  permittedMatch: fc.constantFrom("arn", "name"),
  honourAllowedRoles: fc.boolean(),
  hostNetworkServed: fc.boolean(),
  sessionNameTemplate: fc.oneof(junk, fc.constant("{namespace}.{pod}.{cluster}.{role}")),
  sessionDurationSeconds: fc.integer({ min: 900, max: 43_200 }),
  maxSessionDurationSeconds: fc.constantFrom(3_600, 43_200),
  sessionTags: fc.constantFrom([], eksTags, [{ key: "k", template: "{pod}" }]),
  transitiveTagKeys: fc.constant([]),
  sourceIdentityTemplate: fc.constantFrom(null, "{namespace}.{serviceAccount}", "{pod}"),
  externalIdTemplate: fc.constantFrom(
    null,
    "{namespace}/{serviceAccount}",
    "{cluster}:{namespace}",
  ),
  externalIdPermitted: fc.constantFrom(null, "acme/{namespace}"),
  assumeRolePermitted: fc.constantFrom(null, own + "trust/{namespace}"),
  assumeWith: fc.constantFrom("server", "service-account"),
  webIdentityAudience: fc.constant("sts.amazonaws.com"),
  honourIrsaAnnotations: fc.boolean(),
  clusterName: text,
  reservedRoleArns: fc.constantFrom([], [own + "reader"]),
});

test("decide: total, and every answer is fit to be shown or sent to STS", () => {
  const namespace = fc.option(junkNamespace, { nil: undefined });
  fc.assert(
    fc.property(someSettings, junkPod, namespace, text, (settings, pod, facts, role) => {
      const account = serviceAccountFacts({
        namespace: pod.namespace,
        name: pod.serviceAccount,
        role,
        sessionPolicyArns: role,
      });
      const policy = createPolicy(settings);
      const decision = policy.decide(pod, facts, account);
      assertFit(decision, settings);
      assert.deepEqual(policy.decide(pod, facts, account), decision);
    }),
    { numRuns: 600 },
  );
});

test("decide: a role means that it is permitted, by another reading of the expression", () => {
  const policy = createPolicy({ ...policySettings, reservedRoleArns: [own + "aab"] });
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
    assert.match(
      message,
      /; (?:write|set|change|add|remove|run|check|nothing)|; name another|, which no/,
    );
    return;
  }
  const { arn, sessionName, durationSeconds, externalId, assumedBy } = decision.identity;
  assert.ok(arn.endsWith(`/${decision.name}`));
  assert.match(sessionName, /^[\w+=,.@-]{2,64}$/);
  const chained = assumedBy === null ? settings.maxSessionDurationSeconds : 3600;
  const most = Math.min(settings.sessionDurationSeconds, chained);
  assert.ok(durationSeconds >= 900 && durationSeconds <= most);
  for (const id of [externalId, assumedBy?.externalId ?? null]) {
    if (id !== null) assert.match(id, /^[\w+=,.@:/-]{2,1224}$/);
  }
}

/** Names as Kubernetes allows them, close to each other and to the parts of the templates. */
const label = fc.oneof(
  fc.constantFrom("shop", "shop-2", "bank", "acme", "prod", "default"),
  fc.string({ unit: fc.constantFrom("a", "b", "-"), minLength: 1, maxLength: 3 })
    .filter((name) => /^[ab](?:.*[ab])?$/.test(name)),
);
const subdomain = fc.array(label, { minLength: 1, maxLength: 2 }).map((parts) => parts.join("."));
const place = fc.record({ namespace: label, serviceAccount: subdomain });

/** Policies by template and expression: making one compiles. */
const policies = [
  "{namespace}/{serviceAccount}",
  "{cluster}/{namespace}/{serviceAccount}",
  "{serviceAccount}@{namespace}",
  "{cluster}:{namespace}",
  "{cluster}/{serviceAccount}/{namespace}",
  null,
].flatMap((externalIdTemplate) =>
  [
    "{namespace}/.*",
    "{namespace}",
    "acme/{namespace}(/.*)?",
    "(prod|acme)/{namespace}/.*",
    ".*/{namespace}",
    ".*@{namespace}",
    "prod[:/]{namespace}",
    null,
  ].map((externalIdPermitted) => {
    const assumeRolePermitted = own + "trust/{namespace}";
    const changes = { externalIdTemplate, externalIdPermitted, assumeRolePermitted };
    const policy = createPolicy({ ...policySettings, clusterName: "prod", ...changes });
    return { externalIdTemplate, externalIdPermitted, policy };
  })
);

type Place = { readonly namespace: string; readonly serviceAccount: string };

/** IDs in the forms of the templates and expressions above. */
function idsLike({ namespace, serviceAccount }: Place): string[] {
  return [
    `${namespace}/${serviceAccount}`,
    `prod/${namespace}/${serviceAccount}`,
    `prod/${serviceAccount}/${namespace}`,
    `${serviceAccount}@${namespace}`,
    `acme/${namespace}`,
    `acme/${namespace}/${serviceAccount}`,
    `prod:${namespace}`,
    `prod/${namespace}`,
    namespace,
    namespace.toUpperCase(),
    "",
  ];
}

test("no name or annotation obtains another namespace's external ID", () => {
  const scene = fc.tuple(fc.constantFrom(...policies), place, place)
    .filter(([, victim, attacker]) => victim.namespace !== attacker.namespace)
    .chain(([settings, victim, attacker]) => {
      const likely = fc.constantFrom(...idsLike(victim), ...idsLike(attacker));
      const any = fc.oneof(fc.constant(null), likely);
      return fc.tuple(fc.constant({ settings, victim, attacker }), any, any, any);
    });
  let compared = 0;
  fc.assert(
    fc.property(scene, ([{ settings, victim, attacker }, victims, ofNamespace, ofPod]) => {
      // A pod's own ID, with neither template nor annotation of its namespace, proves nothing.
      if (settings.externalIdTemplate === null && victims === null) return;
      const held = idsOf(settings.policy, victim, victims, null);
      const got = idsOf(settings.policy, attacker, ofNamespace, ofPod);
      if (held.length > 0 && got.length > 0) compared++;
      assert.deepEqual(got.filter((id) => held.includes(id)), []);
    }),
    { numRuns: 20_000 },
  );
  assert.ok(compared > 1_000, `${compared} pairs compared`);
});

/** Those sent for the pod's role and for its namespace's trust role. */
function idsOf(policy: Policy, at: Place, ofNamespace: string | null, ofPod: string | null) {
  const { namespace: name, serviceAccount } = at;
  const pod = podFacts({ namespace: name, serviceAccount, role: "r", externalId: ofPod });
  const facts = { name, externalId: ofNamespace, assumeRole: `trust/${name}` };
  const decision = policy.decide(pod, namespaceFacts(facts), undefined);
  if (decision.kind !== "role") return [];
  const { externalId, assumedBy } = decision.identity;
  return [externalId, assumedBy?.externalId ?? null].filter((id) => id !== null);
}
