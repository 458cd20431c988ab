/**
 * Nobody gets another namespace's role, whatever pods, ServiceAccounts and namespaces are called or
 * annotated with, although every namespace permits every role: the roles' trust policies, at an STS that
 * enforces them, allow it to the victim alone.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createSts } from "../../src/aws/sts.ts";
import { inProcessClient } from "../../src/dev/in_process_client.ts";
import { createFakeSts } from "../../src/dev/sts/fake_sts.ts";
import { type Iam, iamOf } from "../../src/dev/sts/iam.ts";
import { parsePolicy } from "../../src/iam/policy_document.ts";
import { createPolicy } from "../../src/policy/decide.ts";
import type { Decision, NamespaceFacts, PodFacts, RoleIdentity } from "../../src/policy/facts.ts";
import { eksTags } from "../../src/policy/session_tags.ts";
import { systemClock } from "../../src/time/system_clock.ts";
import { namespaceFacts, podFacts, serviceAccountFacts } from "../fakes/facts.ts";
import { policySettings } from "../fakes/policy_settings.ts";

const account = "123456789012";
const arn = (name: string) => `arn:aws:iam::${account}:role/${name}`;
const server = arn("rolecall-server");

const policy = createPolicy({
  ...policySettings,
  roleBaseArn: arn(""),
  clusterName: "prod",
  externalIdTemplate: "{cluster}/{namespace}/{serviceAccount}",
  externalIdPermitted: "acme/{namespace}(/.*)?",
  assumeRolePermitted: arn("trust-{namespace}"),
  sessionTags: [...eksTags.slice(0, 2), { key: "path", template: "{namespace}/{serviceAccount}" }],
  transitiveTagKeys: ["kubernetes-namespace"],
  sourceIdentityTemplate: "{namespace}.{serviceAccount}",
  reservedRoleArns: [server],
});

interface Place {
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** The roles that trust a place alone, each in another way, and its namespace's trust role. */
function rolesOf({ namespace, serviceAccount }: Place): Iam {
  const equals = (key: string, value: string) => ({ StringEquals: { [key]: value } });
  const trust = {
    "by-id": [server, equals("sts:ExternalId", `prod/${namespace}/${serviceAccount}`)],
    "by-any-id": [server, { StringLike: { "sts:ExternalId": `prod/${namespace}/*` } }],
    "by-own-id": [server, {
      StringLike: { "sts:ExternalId": [`acme/${namespace}`, `acme/${namespace}/*`] },
    }],
    "by-tags": [server, {
      StringEquals: {
        "aws:RequestTag/kubernetes-namespace": namespace,
        "aws:RequestTag/kubernetes-service-account": serviceAccount,
      },
    }],
    "by-path": [server, equals("aws:RequestTag/path", `${namespace}/${serviceAccount}`)],
    "by-source": [server, equals("sts:SourceIdentity", `${namespace}.${serviceAccount}`)],
    "by-trust-role": [arn(`trust-${namespace}`), {}],
    [`trust-${namespace}`]: [server, {
      StringLike: { "sts:ExternalId": [`prod/${namespace}`, "acme/*"] },
    }],
    // Only the server's own.
    "rolecall-server": [server, {}],
  } as const;
  const Action = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];
  const roles = Object.entries(trust).map(([name, [AWS, Condition]]) => {
    const Statement = { Effect: "Allow", Principal: { AWS }, Action, Condition };
    const parsed = parsePolicy({ Version: "2012-10-17", Statement }, "trust");
    if (parsed.kind === "invalid") throw new TypeError(parsed.problem);
    const rest = { permissions: null, maxSessionSeconds: 43_200, tags: {} };
    return { arn: arn(name), trust: parsed.policy, ...rest };
  });
  return iamOf({ roles, policies: [] });
}

const victimsRoles = [
  "by-id",
  "by-any-id",
  "by-own-id",
  "by-tags",
  "by-path",
  "by-source",
  "by-trust-role",
];

/** Whether STS gives a session for what was decided, trust role first. */
async function isGiven(iam: Iam, decision: Decision): Promise<boolean> {
  if (decision.kind !== "role") return false;
  const random = () => 0;
  const sts = createFakeSts({ now: Date.now, random, accountId: account, iam });
  const client = createSts({
    region: "us-east-1",
    endpoint: "http://sts/",
    credentials: () =>
      Promise.resolve({ accessKeyId: "AKIAROLECALLDEV00000", secretAccessKey: "x" }),
    clock: systemClock,
    runtime: { env: {}, httpClient: () => inProcessClient(sts, "") },
  });
  const assumed = async (identity: RoleIdentity): ReturnType<typeof client.assumeRole> => {
    const { assumedBy } = identity;
    const by = assumedBy === null ? {} : { assumedBy: await assumed(assumedBy) };
    return await client.assumeRole(identity, new AbortController().signal, by);
  };
  try {
    await assumed(decision.identity);
    return true;
  } catch (fault) {
    assert.equal((fault as { code?: string }).code, "access_denied", String(fault));
    return false;
  } finally {
    await client.close();
  }
}

function decide(at: Place, pod: Partial<PodFacts>, namespace: Partial<NamespaceFacts>): Decision {
  const { namespace: name, serviceAccount } = at;
  return policy.decide(
    podFacts({ ...pod, namespace: name, serviceAccount }),
    namespaceFacts({ ...namespace, name }),
    serviceAccountFacts({ namespace: name, name: serviceAccount }),
  );
}

/** Names as Kubernetes allows them, close to one another and to the separators. */
const label = fc.oneof(
  fc.constantFrom("shop", "shop-2", "bank", "acme", "prod", "constructor", "a".repeat(63), "x--y"),
  fc.string({ unit: fc.constantFrom("a", "b", "-"), minLength: 1, maxLength: 3 })
    .filter((name) => /^[ab](?:.*[ab])?$/.test(name)),
);
const subdomain = fc.array(label, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("."));
const place = fc.record({ namespace: label, serviceAccount: subdomain });

test("the victim itself has each of its roles", async () => {
  const victim = { namespace: "shop", serviceAccount: "cart" };
  for (const role of victimsRoles) {
    const namespace = {
      ...(role === "by-own-id" ? { externalId: "acme/shop/1" } : {}),
      ...(role === "by-trust-role" ? { assumeRole: "trust-shop" } : {}),
    };
    assert.ok(await isGiven(rolesOf(victim), decide(victim, { role }, namespace)), role);
  }
});

test("no annotation gives another namespace any of the victim's roles", async () => {
  const scene = fc.tuple(place, place)
    .filter(([victim, attacker]) => victim.namespace !== attacker.namespace)
    .chain(([victim, attacker]) => {
      const { namespace, serviceAccount } = victim;
      const trust = `trust-${namespace}`;
      const roles = [...victimsRoles, trust, "rolecall-server"];
      const role = fc.constantFrom(
        ...roles.flatMap((name) => [name, arn(name), `/${name}`, arn(`x/../${name}`), `${name} `]),
        arn(trust).toUpperCase(),
        arn(trust).replace("aws", "aws-cn"),
        arn(`${trust}/../by-id`),
        server.replace("rolecall-server", "path/ROLECALL-server"),
      );
      const values = [
        `prod/${namespace}/${serviceAccount}`,
        `prod/${namespace}`,
        `acme/${namespace}`,
        `acme/${namespace}/${attacker.namespace}`,
        `acme/${attacker.namespace}/../${namespace}`,
        `PROD/${namespace}/${serviceAccount}`,
        `prod/${namespace}/*`,
        `${namespace}.${serviceAccount}`,
        "{cluster}/{namespace}/{serviceAccount}",
        ".*",
        "*",
        "\ud800\u202e",
        "x".repeat(2_000),
      ];
      const any = fc.oneof(
        { weight: 3, arbitrary: fc.constant(null) },
        { weight: 1, arbitrary: fc.constantFrom("", ...values) },
      );
      const first = fc.oneof(
        any,
        fc.constantFrom(trust, arn(trust), `trust-${attacker.namespace}`),
      );
      return fc.record({
        victim: fc.constant(victim),
        attacker: fc.constant(attacker),
        pod: fc.record({
          role,
          sessionName: any,
          externalId: any,
          name: any.map((one) => one ?? "p"),
        }),
        namespace: fc.record({ externalId: any, assumeRole: first, permitted: fc.constant(".*") }),
      });
    });
  let requested = 0;
  await fc.assert(
    fc.asyncProperty(scene, async ({ victim, attacker, pod, namespace }) => {
      const decision = decide(attacker, pod, namespace);
      if (decision.kind === "role") requested++;
      assert.equal(await isGiven(rolesOf(victim), decision), false, JSON.stringify(decision));
    }),
    { numRuns: 1_000 },
  );
  assert.ok(requested > 100, `STS was asked ${requested} times`);
});
