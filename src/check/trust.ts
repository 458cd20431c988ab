/**
 * Reads the trust policies of roles from files, and evaluates whether the server could assume a
 * role. A file is the JSON of `aws iam get-role`, `list-roles` or
 * `get-account-authorization-details`, a plan from `terraform show -json`, or a trust policy alone,
 * in a file named after the role.
 */
import * as v from "valibot";
import { type RequestContext, requestContext } from "../iam/conditions.ts";
import { allowsWebIdentity, evaluate } from "../iam/evaluate.ts";
import { parsePolicy, type PolicyDocument } from "../iam/policy_document.ts";
import { parsedJson } from "../net/json.ts";
import { type RoleIdentity, tokenSubject, type WebIdentity } from "../policy/facts.ts";
import type { Problem } from "./findings.ts";

export interface TrustedRole {
  /** Its ARN; in a plan without ARNs, `/PATH/NAME`; for a policy alone, the role's name. */
  readonly name: string;
  readonly policy: PolicyDocument;
}

type TrustReading =
  | { readonly kind: "roles"; readonly roles: readonly TrustedRole[] }
  | { readonly kind: "problem"; readonly problem: string };

const iamRole = v.object({ Arn: v.string(), AssumeRolePolicyDocument: v.unknown() });
const iamRoles = v.union([
  v.pipe(v.object({ Role: iamRole }), v.transform(({ Role }) => [Role])),
  v.pipe(v.object({ Roles: v.array(iamRole) }), v.transform(({ Roles }) => Roles)),
  v.pipe(v.object({ RoleDetailList: v.array(iamRole) }), v.transform((all) => all.RoleDetailList)),
]);
const planned = v.object({
  type: v.literal("aws_iam_role"),
  values: v.object({
    name: v.string(),
    path: v.nullish(v.string(), "/"),
    arn: v.nullish(v.string()),
    assume_role_policy: v.string(),
  }),
});
const plan = v.object({ planned_values: v.object({ root_module: v.unknown() }) });

/** The roles in a file's text. */
export function readTrust(file: string, text: string): TrustReading {
  const json = parsedJson(text);
  if (json === undefined) return { kind: "problem", problem: `${file}: isn't JSON` };
  const roles: TrustedRole[] = [];
  for (const { name, document } of documentsIn(file, json)) {
    const policy = parsePolicy(decoded(document), "trust");
    if (policy.kind === "invalid") {
      return { kind: "problem", problem: `${file}: trust policy of ${name} ${policy.problem}` };
    }
    roles.push({ name, policy: policy.policy });
  }
  if (roles.length > 0) return { kind: "roles", roles };
  const expected =
    "expected roles as aws iam and terraform show -json print them, or a trust policy";
  return { kind: "problem", problem: `${file}: no role in it; ${expected}` };
}

interface RoleDocument {
  readonly name: string;
  readonly document: unknown;
}

function documentsIn(file: string, json: unknown): RoleDocument[] {
  const fromIam = v.safeParse(iamRoles, json);
  if (fromIam.success) {
    return fromIam.output.map(({ Arn, AssumeRolePolicyDocument: document }) => {
      return { name: Arn, document };
    });
  }
  const fromPlan = v.safeParse(plan, json);
  if (fromPlan.success) return [...plannedRoles(fromPlan.output.planned_values.root_module)];
  if (!v.is(v.object({ Statement: v.unknown() }), json)) return [];
  return [{ name: file.replace(/^.*\//, "").replace(/\.json$/, ""), document: json }];
}

/** Roles of the module and of those below it; a policy that isn't known before apply is left out. */
function* plannedRoles(value: unknown): Iterable<RoleDocument> {
  const role = v.safeParse(planned, value);
  if (role.success) {
    const { name, path, arn, assume_role_policy: document } = role.output.values;
    yield { name: arn ?? `${path}${name}`, document };
  } else if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) yield* plannedRoles(inner);
  }
}

/** IAM's API percent-encodes documents; the CLI decodes them. */
function decoded(document: unknown): unknown {
  if (typeof document !== "string" || !document.startsWith("%7B")) return document;
  return decodeURIComponent(document);
}

/**
 * Why the pod's role can't be assumed: by the server's role, through a trust role if the namespace
 * has one, or with a token of its ServiceAccount.
 */
export function trustProblem(
  roles: readonly TrustedRole[],
  serverRole: string,
  identity: RoleIdentity,
): Problem | null {
  const { assumedBy, webIdentity } = identity;
  if (webIdentity !== null) return tokenProblem(roles, identity, webIdentity);
  if (assumedBy !== null) {
    return trustProblem(roles, serverRole, assumedBy) ?? hopProblem(roles, assumedBy.arn, identity);
  }
  return serverRole === "" ? noServerRole(identity.arn) : hopProblem(roles, serverRole, identity);
}

/** Manifests don't show which provider is the cluster's, so any that the policy names counts. */
function tokenProblem(
  roles: readonly TrustedRole[],
  { arn, sessionName }: RoleIdentity,
  webIdentity: WebIdentity,
): Problem | null {
  const role = roles.find(({ name }) => isRole(name, arn));
  if (role === undefined) return notListed(arn);
  const { audience } = webIdentity;
  const subject = tokenSubject(webIdentity);
  const providers = role.policy.statements
    .flatMap(({ principal }) => principal?.principals.Federated ?? [])
    .filter((one) => one.includes(":oidc-provider/"));
  const allows = (subject: string) =>
    providers.some((provider) =>
      allowsWebIdentity(role.policy, { arn, sessionName, provider, subject, audience })
    );
  if (allows(nobody)) return trustsAll(arn);
  if (allows(subject)) return null;
  const message =
    `the trust policy of ${arn} doesn't allow sts:AssumeRoleWithWebIdentity to an OIDC provider's ` +
    `${subject} with audience ${audience}; change the policy, or the pod's ServiceAccount`;
  return { level: "denied", reason: "RoleNotAssumable", message };
}

/** No ServiceAccount has this name, so only a policy that leaves `sub` open allows it. */
const nobody = tokenSubject({ namespace: "-", serviceAccount: "-" });

function trustsAll(arn: string): Problem {
  const message = `the trust policy of ${arn} lets any ServiceAccount of the cluster assume it; ` +
    "add a condition on the OIDC provider's :sub";
  return { level: "warning", reason: "RoleTrustsAll", message };
}

function noServerRole(arn: string): Problem {
  const message = `whether the server may assume ${arn} isn't known; give --server-role`;
  return { level: "unknown", reason: "ServerRoleUnknown", message };
}

function notListed(arn: string): Problem {
  const message = `${arn} isn't among the roles of --trust; add it, or the file that has it`;
  return { level: "warning", reason: "RoleNotListed", message };
}

function hopProblem(
  roles: readonly TrustedRole[],
  caller: string,
  identity: RoleIdentity,
): Problem | null {
  const { arn, tags, externalId, sourceIdentity } = identity;
  const role = roles.find(({ name }) => isRole(name, arn));
  if (role === undefined) return notListed(arn);
  const principal = principalOf(caller);
  const context = contextOf(principal, identity);
  const actions = [
    "sts:AssumeRole",
    ...(tags.length > 0 ? ["sts:TagSession"] : []),
    ...(sourceIdentity === null ? [] : ["sts:SetSourceIdentity"]),
  ];
  const refused = actions.find((action) => {
    const verdict = evaluate([role.policy], { action, resource: arn, principal, context });
    return verdict === "none" || verdict === "deny";
  });
  if (refused === undefined) return null;
  const sent = externalId === null ? "without an external ID" : "with the pod's external ID";
  const message = `the trust policy of ${arn} doesn't allow ${refused} to ${caller} ${sent}; ` +
    "change the policy, or what the pod's annotations send";
  return { level: "denied", reason: "RoleNotAssumable", message };
}

/** A name alone is enough: an account has no two roles of one name, whatever their paths. */
function isRole(name: string, arn: string): boolean {
  if (name.startsWith("arn:")) return name === arn;
  return arn.endsWith(name.startsWith("/") ? `:role${name}` : `/${name}`);
}

function principalOf(role: string) {
  const [, , , , account = "", resource = ""] = role.split(":");
  const name = resource.split("/").at(-1) ?? "";
  const arn = role.replace(":iam:", ":sts:").replace(/:role\/.*$/, `:assumed-role/${name}/x`);
  return { kind: "aws", account, arn, principalArn: role } as const;
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html */
function contextOf(
  { account, principalArn }: ReturnType<typeof principalOf>,
  { sessionName, externalId, durationSeconds, tags, transitiveTagKeys, sourceIdentity }:
    RoleIdentity,
): RequestContext {
  return requestContext({
    "aws:PrincipalArn": [principalArn],
    "aws:PrincipalAccount": [account],
    "aws:PrincipalType": ["AssumedRole"],
    "sts:RoleSessionName": [sessionName],
    "sts:DurationSeconds": [String(durationSeconds)],
    "sts:ExternalId": [externalId],
    "sts:SourceIdentity": [sourceIdentity],
    "sts:TransitiveTagKeys": transitiveTagKeys,
    "aws:TagKeys": tags.map(([key]) => key),
    ...Object.fromEntries(tags.map(([key, value]) => [`aws:RequestTag/${key}`, [value]])),
  });
}
