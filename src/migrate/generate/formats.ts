/** A migration plan as text for people, manifests, JSON, Terraform and commands. Pure. */
import { counted } from "../../cli/quantities.ts";
import { shellWord } from "../../cli/shell_word.ts";
import { withoutControls } from "../../telemetry/fault.ts";
import { annotationKeys } from "../../kubernetes/objects/objects.ts";
import { type PlannedAccount, providerOf } from "./trust.ts";
import type { MigrationPlan } from "./plan.ts";

export const planFormats = {
  text: (plan: MigrationPlan) => asLines(report(plan)),
  manifests: manifestsText,
  json: jsonText,
  terraform: terraformText,
  cli: cliText,
};

/**
 * The annotations of a planned ServiceAccount. A new one also has Rolecall's, since its pods may get
 * their role from the old one's: to go back, and for SDKs that are too old, they need it.
 */
function annotationsOf(
  { roleArn, splitFrom }: PlannedAccount,
  { target }: MigrationPlan,
): readonly (readonly [key: string, value: string])[] {
  const keys = [
    ...(target.kind === "irsa" ? ["eks.amazonaws.com/role-arn"] : []),
    ...(splitFrom === null ? [] : [annotationKeys.role]),
  ];
  return keys.map((key) => [key, roleArn]);
}

function asLines(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

/** For people; the other formats have it as comments. */
function report({ target, serviceAccounts, roles, notMigrated, notes }: MigrationPlan): string[] {
  const issuers = target.kind === "irsa"
    ? [...new Set(roles.map(({ arn }) => providerOf(arn, target.issuer)))]
    : [];
  // Names in manifests may be anything.
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : ["", title, ...lines.map((line) => `  ${withoutControls(line)}`)];
  const missed = Map.groupBy(notMigrated, ({ reason, message }) => `${reason}: ${message}`);
  return [
    `To ${target.kind}: ${counted(serviceAccounts.length, "ServiceAccount")}, ` +
    `${counted(roles.length, "role")}; ${counted(notMigrated.length, "pod")} not migrated`,
    ...section(
      "ServiceAccounts:",
      serviceAccounts.flatMap(({ namespace, name, splitFrom, roleArn, workloads }) => [
        `${namespace}/${name}${splitFrom === null ? "" : " (new)"}: ${roleArn}`,
        ...(splitFrom === null
          ? []
          : workloads.map((one) => `  set serviceAccountName: ${name} in ${one}`)),
      ]),
    ),
    ...section("Needed in IAM:", issuers.map((arn) => `OIDC provider ${arn}`)),
    ...section(
      "Not migrated:",
      [...missed].flatMap(([cause, pods]) => [cause, ...pods.map(({ pod }) => `  ${pod}`)]),
    ),
    ...section("Notes:", notes),
  ];
}

function comments(plan: MigrationPlan, ...more: readonly string[]): string[] {
  return [...report(plan), "", ...more].map((line) => `# ${line}`.trimEnd());
}

function manifestsText(plan: MigrationPlan): string {
  const objects = plan.serviceAccounts.flatMap((account) => {
    const annotations = annotationsOf(account, plan);
    return annotations.length === 0 ? [] : [
      "---",
      "apiVersion: v1",
      "kind: ServiceAccount",
      "metadata:",
      `  name: ${JSON.stringify(account.name)}`,
      `  namespace: ${JSON.stringify(account.namespace)}`,
      "  annotations:",
      ...annotations.map(([key, value]) => `    ${key}: ${JSON.stringify(value)}`),
    ];
  });
  const usage = "kubectl apply --server-side --field-manager=rolecall-migrate -f FILE";
  const aws = "What AWS needs is in --output=cli and --output=terraform.";
  return asLines([...comments(plan, `Apply with: ${usage}`, aws), ...objects]);
}

function jsonText(plan: MigrationPlan): string {
  const { target, serviceAccounts, roles, ...rest } = plan;
  const value = {
    to: target.kind,
    serviceAccounts: serviceAccounts.map((account) => ({
      ...account,
      annotations: Object.fromEntries(annotationsOf(account, plan)),
    })),
    roles: roles.map(({ arn, statements }) => ({
      arn,
      trustPolicy: { Version: "2012-10-17", Statement: statements },
    })),
    ...(target.kind === "irsa" ? {} : {
      associations: serviceAccounts.map(({ namespace, name, roleArn }) => {
        return { clusterName: target.clusterName, namespace, serviceAccount: name, roleArn };
      }),
    }),
    ...rest,
  };
  return JSON.stringify(value, null, 2) + "\n";
}

/** Formatted as by `terraform fmt`. */
function terraformText(plan: MigrationPlan): string {
  const { target, serviceAccounts, roles } = plan;
  const note = "Add these documents to the roles' assume_role_policy: source_policy_documents of " +
    "aws_iam_policy_document merges them with what is there.";
  return asLines([
    ...comments(plan, note),
    "locals {",
    "  rolecall_trust_policies = {",
    ...roles.map(({ arn, statements }) => {
      const policy = { Version: "2012-10-17", Statement: statements };
      return `    ${hcl(arn)} = jsonencode(${hcl(policy, "    ")})`;
    }),
    "  }",
    "}",
    ...serviceAccounts.flatMap((account) => {
      const objects = kubernetesResource(account, annotationsOf(account, plan));
      if (target.kind === "irsa") return objects;
      return [...objects, ...association(account, target.clusterName)];
    }),
  ]);
}

function association(account: PlannedAccount, clusterName: string): string[] {
  const { namespace, name, roleArn } = account;
  return resource("aws_eks_pod_identity_association", account, [
    ["cluster_name", clusterName],
    ["namespace", namespace],
    ["service_account", name],
    ["role_arn", roleArn],
  ]);
}

function kubernetesResource(
  account: PlannedAccount,
  annotated: ReturnType<typeof annotationsOf>,
): string[] {
  if (annotated.length === 0) return [];
  const { namespace, name, splitFrom } = account;
  const annotations = ["annotations", Object.fromEntries(annotated)] as const;
  const metadata = [["name", name], ["namespace", namespace]] as const;
  const block = (fields: readonly Field[]) => ["  metadata {", ...hclFields(fields, "    "), "  }"];
  if (splitFrom !== null) {
    const fields = block([...metadata, annotations]);
    return resource("kubernetes_service_account_v1", account, [], fields);
  }
  return resource(
    "kubernetes_annotations",
    account,
    [["api_version", "v1"], ["kind", "ServiceAccount"]],
    [...block(metadata), ...hclFields([annotations], "  ")],
  );
}

function resource(
  type: string,
  account: PlannedAccount,
  fields: readonly Field[],
  more: readonly string[] = [],
): string[] {
  const head = `resource ${hcl(type)} ${labelOf(account)} {`;
  return ["", head, ...hclFields(fields, "  "), ...more, "}"];
}

/** Names have no underscore, so two accounts never get the same label. */
function labelOf({ namespace, name }: PlannedAccount): string {
  return hcl(`${namespace}_${name.replaceAll(".", "_dot_")}`.replace(/^(?=[^a-z])/, "_"));
}

type Field = readonly [name: string, value: unknown];

/** A value; `indent` is that of the line on which it begins. */
function hcl(value: unknown, indent = ""): string {
  if (typeof value !== "object" || value === null) {
    // JSON's strings are HCL's, except that `${` and `%{` begin a template there.
    return JSON.stringify(value).replaceAll(/[$%](?=\{)/g, "$&$&");
  }
  if (!Array.isArray(value)) {
    const fields = Object.entries(value).map(([name, inner]): Field => {
      return [/^\w+$/.test(name) ? name : hcl(name), inner];
    });
    return ["{", ...hclFields(fields, `${indent}  `), `${indent}}`].join("\n");
  }
  if (!value.some((one) => typeof one === "object")) {
    return `[${value.map((one) => hcl(one)).join(", ")}]`;
  }
  const items = value.map((one) => `${indent}  ${hcl(one, `${indent}  `)},`);
  return ["[", ...items, `${indent}]`].join("\n");
}

/** Aligns the equals signs of neighbouring fields that take one line each. */
function hclFields(fields: readonly Field[], indent: string): string[] {
  const written = fields.map(([name, value]) => ({ name, text: hcl(value, indent) }));
  const isShort = (at: number) => written[at]?.text.includes("\n") === false;
  return written.map(({ name, text }, at) => {
    let [first, last] = [at, at];
    if (isShort(at)) {
      while (isShort(first - 1)) first--;
      while (isShort(last + 1)) last++;
    }
    const width = Math.max(...written.slice(first, last + 1).map((one) => one.name.length));
    return `${indent}${name.padEnd(width)} = ${text}`;
  });
}

function cliText(plan: MigrationPlan): string {
  const { target, serviceAccounts, roles } = plan;
  return asLines([
    "#!/bin/sh",
    ...comments(plan, "Needs jq. It adds to trust policies and keeps what is there."),
    "set -eu",
    ...roles.flatMap(({ arn, statements }) => {
      const role = shellWord(arn.split("/").at(-1)!);
      const filter = `.Statement |= (([.] | flatten) + ${JSON.stringify(statements)} | unique)`;
      return [
        "",
        `# ${arn}: with credentials of its account`,
        `policy=$(aws iam get-role --role-name ${role} --query Role.AssumeRolePolicyDocument ` +
        `--output json | jq -c ${shellWord(filter)})`,
        `aws iam update-assume-role-policy --role-name ${role} --policy-document "$policy"`,
      ];
    }),
    ...serviceAccounts.flatMap((account) => {
      const { namespace, name, splitFrom } = account;
      const object = `${shellWord(name)} --namespace=${shellWord(namespace)}`;
      const annotations = annotationsOf(account, plan).map((pair) => shellWord(pair.join("=")));
      return [
        "",
        ...(splitFrom === null ? [] : [
          `kubectl get serviceaccount ${object} || kubectl create serviceaccount ${object}`,
        ]),
        ...(annotations.length === 0 ? [] : [
          `kubectl annotate --overwrite serviceaccount ${object} ${annotations.join(" ")}`,
        ]),
        ...(target.kind === "irsa" ? [] : associationCommands(account, target.clusterName)),
      ];
    }),
  ]);
}

/** A ServiceAccount has at most one association; one that an earlier run created is updated. */
function associationCommands(
  { namespace, name, roleArn }: PlannedAccount,
  clusterName: string,
): string[] {
  const cluster = `--cluster-name ${shellWord(clusterName)}`;
  const subject = `--namespace ${shellWord(namespace)} --service-account ${shellWord(name)}`;
  const role = `--role-arn ${shellWord(roleArn)}`;
  return [
    `id=$(aws eks list-pod-identity-associations ${cluster} ${subject} ` +
    "--query 'associations[0].associationId' --output text)",
    'if [ "$id" = None ]; then',
    `  aws eks create-pod-identity-association ${cluster} ${subject} ${role}`,
    "else",
    `  aws eks update-pod-identity-association ${cluster} --association-id "$id" ${role}`,
    "fi",
  ];
}
