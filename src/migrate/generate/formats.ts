/** A migration plan as text for people, manifests, JSON, Terraform and commands. Pure. */
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
 * What a ServiceAccount gets. A new one also names the role for Rolecall, which pods may have had from
 * the old one: until Rolecall is gone, going back and SDKs that are too old need it.
 */
function annotationsOf(
  { roleArn, splitFrom }: PlannedAccount,
  { target }: MigrationPlan,
): [key: string, value: string][] {
  return [
    ...(target.kind === "irsa"
      ? [["eks.amazonaws.com/role-arn", roleArn] as [string, string]]
      : []),
    ...(splitFrom === null ? [] : [[annotationKeys.role, roleArn] as [string, string]]),
  ];
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
    `To ${target.kind}: ${serviceAccounts.length} ServiceAccounts, ${roles.length} roles; ` +
    `${notMigrated.length} pods not migrated`,
    ...section(
      "ServiceAccounts:",
      serviceAccounts.flatMap(({ namespace, name, splitFrom, roleArn, workloads }) => [
        `${namespace}/${name}${splitFrom === null ? "" : ` (new)`}: ${roleArn}`,
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

function terraformText(plan: MigrationPlan): string {
  const { target, serviceAccounts, roles } = plan;
  const note = "Add these documents to the roles' assume_role_policy: source_policy_documents of " +
    "aws_iam_policy_document merges them with what is there.";
  return asLines([
    ...comments(plan, note),
    "locals {",
    "  rolecall_trust_policies = {",
    ...roles.map(({ arn, statements }) =>
      `    ${hcl(arn)} = jsonencode(${hcl({ Version: "2012-10-17", Statement: statements })})`
    ),
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
  return [
    "",
    `resource "aws_eks_pod_identity_association" ${labelOf(account)} {`,
    `  cluster_name    = ${hcl(clusterName)}`,
    `  namespace       = ${hcl(account.namespace)}`,
    `  service_account = ${hcl(account.name)}`,
    `  role_arn        = ${hcl(account.roleArn)}`,
    "}",
  ];
}

function kubernetesResource(
  account: PlannedAccount,
  annotated: readonly [string, string][],
): string[] {
  if (annotated.length === 0) return [];
  const { namespace, name, splitFrom } = account;
  const metadata = [`    name      = ${hcl(name)}`, `    namespace = ${hcl(namespace)}`];
  const pairs = annotated.map(([key, value]) => `${hcl(key)} = ${hcl(value)}`);
  const annotations = `annotations = { ${pairs.join(", ")} }`;
  if (splitFrom !== null) {
    return [
      "",
      `resource "kubernetes_service_account_v1" ${labelOf(account)} {`,
      "  metadata {",
      ...metadata,
      `    ${annotations}`,
      "  }",
      "}",
    ];
  }
  return [
    "",
    `resource "kubernetes_annotations" ${labelOf(account)} {`,
    '  api_version = "v1"',
    '  kind        = "ServiceAccount"',
    "  metadata {",
    ...metadata,
    "  }",
    `  ${annotations}`,
    "}",
  ];
}

/** Names have no underscore, so two accounts never get the same label. */
function labelOf({ namespace, name }: PlannedAccount): string {
  return hcl(`${namespace}_${name.replaceAll(".", "_dot_")}`.replace(/^(?=[^a-z])/, "_"));
}

/** JSON is HCL, except that `${` and `%{` begin a template there. */
function hcl(value: unknown): string {
  return JSON.stringify(value).replaceAll(/[$%](?=\{)/g, "$&$&");
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
      const { namespace, name, roleArn, splitFrom } = account;
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
        ...(target.kind === "irsa" ? [] : [
          `aws eks create-pod-identity-association --cluster-name ${
            shellWord(target.clusterName)
          } --namespace ${shellWord(namespace)} --service-account ${shellWord(name)} ` +
          `--role-arn ${shellWord(roleArn)}`,
        ]),
      ];
    }),
  ]);
}
