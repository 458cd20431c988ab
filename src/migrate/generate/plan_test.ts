/** What is generated, evaluated as AWS does: each pod gets the role that it has now, and no other. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import { fakeRuntime } from "../../../tests/fakes/runtime.ts";
import { evaluate, type Principal } from "../../iam/evaluate.ts";
import { parsePolicy } from "../../iam/policy_document.ts";
import { runMigrate } from "../command.ts";
import { planFormats } from "./formats.ts";
import type { MigrationPlan } from "./plan.ts";
import { trustPolicies } from "./trust.ts";

const base = "arn:aws:iam::111122223333:role/";
const issuer = "oidc.eks.eu-west-1.amazonaws.com/id/A1";

// pod, its ServiceAccount, its annotations, the role that it has now; null if none is migrated
const pods: readonly (readonly [string, string, Record<string, string>, string | null])[] = [
  ["shop/alone-a", "alone", { role: "pods/cart" }, `${base}pods/cart`],
  ["shop/alone-b", "alone", { role: "pods/cart" }, `${base}pods/cart`],
  ["shop/mixed-a", "mixed", { role: "Cart_2" }, `${base}Cart_2`],
  ["shop/mixed-b", "mixed", { role: "pay" }, `${base}pay`],
  ["shop/mixed-c", "mixed", { role: "pay", "external-id": "shop/x" }, `${base}pay`],
  ["shop/half-a", "half", { role: "pay" }, `${base}pay`],
  ["shop/half-b", "half", { role: "" }, null],
  ["shop/denied-a", "denied", { role: "other/secret" }, null],
  ["shop/denied-b", "denied", { role: "pay" }, `${base}pay`],
  [
    "shop/reduced",
    "reduced",
    { role: "pay", "session-policy-arns": "arn:aws:iam::aws:policy/X" },
    null,
  ],
  ["shop/plain", "default", { role: "pay" }, `${base}pay`],
  ["shop/bare", "default", { role: "" }, null],
  // The name that a split would take, in use.
  ["shop/taken", "mixed-pay", { role: "reports" }, `${base}reports`],
  ["team/alone", "alone", { role: "pay" }, `${base}pay`],
  ["team/host", "host", { role: "pay" }, null],
  ["team/default", "any", {}, `${base}default`],
];

const manifests = [
  ["shop", { permitted: `${base}(pods/.*|[A-Za-z_0-9]+)` }],
  ["team", { permitted: ".*", "default-role": "default" }],
].map(([name, annotations]) => manifest("Namespace", { name, annotations: prefixed(annotations) }))
  .concat(pods.map(([pod, serviceAccountName, annotations]) => {
    const [namespace, name] = pod.split("/");
    const spec = { serviceAccountName, hostNetwork: name === "host" };
    return manifest("Pod", { namespace, name, annotations: prefixed(annotations) }, spec);
  }));

function manifest(kind: string, metadata: object, spec = {}): string {
  return JSON.stringify({ apiVersion: "v1", kind, metadata, spec });
}

function prefixed(annotations: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(annotations as Record<string, string>).map(([key, value]) => [
      `iam.amazonaws.com/${key}`,
      value,
    ]),
  );
}

async function generated(...args: string[]): Promise<{ code: number; text: string }> {
  const { runtime, written } = fakeRuntime({ files: { "m.yaml": manifests.join("\n---\n") } });
  const code = await runMigrate(runtime, [
    "generate",
    `--role-base-arn=${base}`,
    ...args,
    "m.yaml",
  ]);
  return { code, text: written() };
}

interface Generated {
  readonly serviceAccounts: readonly {
    readonly namespace: string;
    readonly name: string;
    readonly splitFrom: string | null;
    readonly workloads: readonly string[];
    readonly annotations: Readonly<Record<string, string>>;
  }[];
  readonly associations?: readonly {
    readonly clusterName: string;
    readonly namespace: string;
    readonly serviceAccount: string;
    readonly roleArn: string;
  }[];
  readonly roles: readonly {
    readonly arn: string;
    readonly trustPolicy: { readonly Version: string; readonly Statement: readonly object[] };
  }[];
  readonly notMigrated: readonly { readonly pod: string; readonly reason: string }[];
  readonly notes: readonly string[];
}

/** The ServiceAccount that a pod has once the plan is carried out. */
function accountOf(plan: Generated, pod: string, now: string): string {
  const [namespace, name] = pod.split("/");
  const split = plan.serviceAccounts.find((one) =>
    one.namespace === namespace && one.splitFrom === now && one.workloads.includes(name!)
  );
  return split?.name ?? now;
}

/** Which roles STS lets a pod of that ServiceAccount have. */
function allowed(plan: Generated, namespace: string, account: string): string[] {
  return plan.roles.filter(({ arn, trustPolicy }) => {
    const parsed = parsePolicy(trustPolicy, "trust");
    assert.equal(parsed.kind, "policy");
    if (parsed.kind !== "policy") return false;
    const [principal, actions, context] = plan.associations === undefined
      ? webIdentity(arn, namespace, account)
      : podIdentity(namespace, account);
    return actions.every((action) => {
      const request = { action, resource: arn, principal, context };
      return evaluate([parsed.policy], request) === "principal";
    });
  }).map(({ arn }) => arn);
}

type Requested = readonly [Principal, readonly string[], ReadonlyMap<string, readonly string[]>];

function webIdentity(arn: string, namespace: string, account: string): Requested {
  const provider = `${arn.split(":role/")[0]}:oidc-provider/${issuer}`;
  const claims = [["aud", "sts.amazonaws.com"], [
    "sub",
    `system:serviceaccount:${namespace}:${account}`,
  ]];
  const context = claims.map(([claim, value]) =>
    [`${issuer}:${claim}`.toLowerCase(), [value!]] as const
  );
  return [{ kind: "federated", provider }, ["sts:AssumeRoleWithWebIdentity"], new Map(context)];
}

function podIdentity(namespace: string, account: string): Requested {
  const tags = {
    "eks-cluster-name": "prod",
    "kubernetes-namespace": namespace,
    "kubernetes-service-account": account,
  };
  const context = Object.entries(tags).map(([key, value]) =>
    [`aws:requesttag/${key}`, [value]] as const
  );
  const principal = { kind: "service", name: "pods.eks.amazonaws.com" } as const;
  return [principal, ["sts:AssumeRole", "sts:TagSession"], new Map(context)];
}

const targets = [
  ["--to=irsa", `--oidc-issuer=https://${issuer}`],
  ["--to=pod-identity", "--cluster-name=prod"],
] as const;

for (const target of targets) {
  test(`migrate generate ${target[0]}: each pod gets the role it has now, and no other`, async () => {
    const { code, text } = await generated(...target, "--output=json");
    assert.equal(code, 3);
    const plan: Generated = JSON.parse(text);
    for (const [pod, now, , role] of pods) {
      const [namespace] = pod.split("/") as [string];
      const account = accountOf(plan, pod, now);
      const object = plan.serviceAccounts.find((one) =>
        one.namespace === namespace && one.name === account
      );
      const given = plan.associations === undefined
        ? object?.annotations["eks.amazonaws.com/role-arn"]
        : plan.associations.find((one) =>
          one.namespace === namespace && one.serviceAccount === account
        )?.roleArn;
      assert.equal(given ?? null, role, pod);
      assert.deepEqual(allowed(plan, namespace, account), role === null ? [] : [role], pod);
    }
    const missed = plan.notMigrated.map(({ pod, reason }) => `${pod} ${reason}`);
    assert.deepEqual(missed.sort(), [
      "shop/denied-a NotPermitted",
      "shop/reduced SessionPolicies",
      "team/host HostNetwork",
    ]);
    assert.match(plan.notes.join("\n"), /shop\/mixed-c: no external ID is sent any more/);
    assert.doesNotMatch(text, /shop\/x/);
  });

  test(`migrate generate ${target[0]}: manifests, Terraform and commands say the same`, async () => {
    const plan: Generated = JSON.parse((await generated(...target, "-o", "json")).text);
    const written = async (format: string) => (await generated(...target, "-o", format)).text;
    const objects = parseAllDocuments(await written("manifests")).map((one) => one.toJS())
      .map(({ metadata: { namespace, name, annotations = {} } }) => ({
        namespace,
        name,
        annotations,
      }));
    const accounts = plan.serviceAccounts
      .filter(({ splitFrom }) => target[0] === "--to=irsa" || splitFrom !== null)
      .map(({ namespace, name, annotations }) => ({ namespace, name, annotations }));
    assert.deepEqual(objects, accounts);
    const terraform = await written("terraform");
    const trust = [...terraform.matchAll(/^ {4}"([^"]*)" = jsonencode\((\{\n.*?\n {4}\})\)$/gms)]
      .map(([, arn, policy]) => ({ arn, trustPolicy: valueOf(policy!) }));
    assert.deepEqual(trust, plan.roles);
    const commands = await written("cli");
    const statements = [...commands.matchAll(/ \+ (\[.*\]) \| unique\)'\)$/gm)]
      .map(([, json]) => JSON.parse(json!));
    assert.deepEqual(statements, plan.roles.map(({ trustPolicy }) => trustPolicy.Statement));
    const wanted = plan.associations === undefined
      ? /^kubectl annotate .* eks\.amazonaws\.com\/role-arn=/gm
      : /^ {2}aws eks create-pod-identity-association --cluster-name prod --namespace /gm;
    assert.equal(commands.match(wanted)?.length, plan.serviceAccounts.length);
    assert.equal(
      commands.match(/ \|\| kubectl create serviceaccount /gm)?.length,
      plan.serviceAccounts.filter(({ splitFrom }) => splitFrom !== null).length,
    );
  });
}

/** An object of Terraform's language, a field or element to a line. */
function valueOf(hcl: string): unknown {
  const json = hcl
    .replaceAll(/^( *)("[^"]*"|\w+) +?= /gm, (_, indent, name) => {
      return `${indent}"${name.replaceAll('"', "")}": `;
    })
    .replaceAll(/,?\n(?= *["{[])/g, ",\n").replaceAll(/([{[]),\n/g, "$1\n")
    .replaceAll(/,\n( *[\]}])/g, "\n$1");
  return JSON.parse(json);
}

test("migrate generate: what a shell or Terraform would expand stays literal", () => {
  const roleArn = "arn:aws-cn:iam::444455556666:role/it's/${x}%{y}/$z";
  const account = { namespace: "n", name: "s", roleArn, splitFrom: null, workloads: ["p\n# x"] };
  const target = { kind: "irsa", issuer, audience: "sts.amazonaws.com" } as const;
  const plan: MigrationPlan = {
    target,
    serviceAccounts: [account],
    roles: trustPolicies([account], target),
    notMigrated: [{ pod: "n/p\nrm", kind: "denied", reason: "R", message: "m" }],
    notes: [],
  };
  const [commands, terraform] = [planFormats.cli(plan), planFormats.terraform(plan)];
  assert.ok(commands.includes(`'eks.amazonaws.com/role-arn=${roleArn.replace("'", `'\\''`)}'`));
  assert.ok(terraform.includes(`= "arn:aws-cn:iam::444455556666:role/it's/$\${x}%%{y}/$z"\n`));
  assert.match(commands, /^# {5}n\/p rm$/m);
});

for (
  const [to, made] of [["irsa", "eks.amazonaws.com/role-arn"], ["pod-identity", null]] as const
) {
  test(`migrate generate --to=${to}: what an earlier plan made is used again, also halfway`, async () => {
    const annotations = {
      ...(made === null ? {} : { [made]: `${base}pay` }),
      "iam.amazonaws.com/role": `${base}pay`,
    };
    const role = prefixed({ role: "pay" });
    const text = [
      manifest("Namespace", { name: "n", annotations: prefixed({ permitted: ".*" }) }),
      manifest("ServiceAccount", { name: "s-pay", namespace: "n", annotations }),
      manifest("Pod", { name: "moved", namespace: "n", annotations: role }, {
        serviceAccountName: "s-pay",
      }),
      manifest("Pod", { name: "old", namespace: "n", annotations: role }, {
        serviceAccountName: "s",
      }),
      manifest("Pod", { name: "bare", namespace: "n" }, { serviceAccountName: "s" }),
    ].join("\n---\n");
    const { runtime, written } = fakeRuntime({ files: { "m.yaml": text } });
    const args = ["generate", `--to=${to}`, "-o=json", "m.yaml"]
      .concat("--oidc-issuer=https://i.example", "--cluster-name=c");
    assert.equal(await runMigrate(runtime, [...args, `--role-base-arn=${base}`]), 0);
    const { serviceAccounts }: Generated = JSON.parse(written());
    assert.deepEqual(serviceAccounts, [{
      ...{ namespace: "n", name: "s-pay", roleArn: `${base}pay`, splitFrom: "s" },
      ...{ workloads: ["old"], annotations },
    }]);
  });
}

test("migrate generate: pods that move keep their role under Rolecall, whatever the old account says", async () => {
  const plan: Generated = JSON.parse((await generated(...targets[1], "-o=json")).text);
  for (const { namespace, name, splitFrom, annotations } of plan.serviceAccounts) {
    const { roleArn } = plan.associations!.find((one) =>
      one.namespace === namespace && one.serviceAccount === name
    )!;
    const expected = splitFrom === null ? undefined : roleArn;
    assert.equal(annotations["iam.amazonaws.com/role"], expected);
  }
});

test("migrate generate --to=pod-identity: roles of other accounts are not migrated", async () => {
  const other = "arn:aws:iam::444455556666:role/x";
  const files = {
    "m.yaml": [
      manifest("Namespace", { name: "n", annotations: prefixed({ permitted: ".*" }) }),
      ...[`${base}own`, other].map((role, index) =>
        manifest("Pod", { name: `p${index}`, namespace: "n", annotations: prefixed({ role }) }, {
          serviceAccountName: `s${index}`,
        })
      ),
    ].join("\n---\n"),
  };
  const run = async (...args: string[]) => {
    const { runtime, written } = fakeRuntime({ files });
    const code = await runMigrate(runtime, [
      ...["generate", "--to=pod-identity", "--cluster-name=c", "--output=json", "m.yaml"],
      ...args,
    ]);
    const plan: Generated = JSON.parse(written());
    return { code, missed: plan.notMigrated.map(({ pod, reason }) => `${pod} ${reason}`) };
  };
  assert.deepEqual(await run(`--role-base-arn=${base}`), {
    code: 3,
    missed: ["n/p1 OtherAccount"],
  });
  assert.deepEqual(await run(), {
    code: 5,
    missed: ["n/p0 AccountUnknown", "n/p1 AccountUnknown"],
  });
});

test("migrate generate: new names are valid however long the old ones are", async () => {
  const account = `${"s".repeat(239)}.${"t".repeat(13)}`;
  const files = {
    "m.yaml": [
      manifest("Namespace", { name: "n", annotations: prefixed({ permitted: ".*" }) }),
      ...["a", "b"].map((role) =>
        manifest("Pod", { name: role, namespace: "n", annotations: prefixed({ role }) }, {
          serviceAccountName: account,
        })
      ),
    ].join("\n---\n"),
  };
  const { runtime, written } = fakeRuntime({ files });
  const args = ["--to=irsa", `--oidc-issuer=https://${issuer}`, "--output=json"];
  await runMigrate(runtime, ["generate", ...args, `--role-base-arn=${base}`, "m.yaml"]);
  const plan: Generated = JSON.parse(written());
  const names = plan.serviceAccounts.map(({ name }) => name);
  assert.equal(new Set(names).size, 2);
  for (const name of names) {
    assert.match(name, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
  }
});
