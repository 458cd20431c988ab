/**
 * A namespace's trust role: assumed first for its pods, so that role owners can trust a namespace and
 * not the server's own role. Its credentials are never handed out.
 */
import { type Checked, denial, passed, quoted, shown } from "./denial_text.ts";
import { externalIdProblem } from "./external_id.ts";
import type { Denial, NamespaceFacts, RoleIdentity } from "./facts.ts";
import type { NamespaceExpression } from "./namespace_expression.ts";
import { namespaceName } from "./requested_role.ts";
import { formatRoleArn, type RoleArn } from "./role_arn.ts";
import { resolveRole, type RoleBase } from "./role_base.ts";
import { sanitisedSessionName } from "./session_name.ts";

export interface TrustRoleRules {
  readonly base: RoleBase | null;
  /** `--assume-role-permitted`. */
  readonly permitted: NamespaceExpression;
  readonly isPermittedSet: boolean;
  /** The roles that the server itself runs as. */
  readonly isServerRole: (role: RoleArn) => boolean;
}

const key = "iam.amazonaws.com/assume-role";
/** AWS's limit for chained sessions; one is renewed for the whole namespace. */
export const chainedSeconds = 3600;

/** Null if the namespace has none. */
export function trustRole(
  namespace: NamespaceFacts,
  externalId: string | null,
  rules: TrustRoleRules,
): Checked<RoleIdentity | null> {
  const { name, assumeRole } = namespace;
  if (assumeRole === null || assumeRole === "") return passed(null);
  const resolved = resolveRole(assumeRole, rules.base);
  if (resolved.kind === "base_unknown") return refused(namespace, "has no account");
  if (resolved.kind === "malformed") {
    return refused(namespace, `is not a role: ${resolved.expected}`);
  }
  const arn = formatRoleArn(resolved.role);
  if (rules.isServerRole(resolved.role)) {
    return refused(namespace, "is a role that the server runs as");
  }
  if (!rules.permitted.permits(name, arn)) return { denial: notPermitted(namespace, arn, rules) };
  const problem = externalId === null ? null : externalIdProblem(externalId);
  if (problem !== null) return { denial: externalIdInvalid(name, problem) };
  return passed({
    arn,
    sessionName: sanitisedSessionName(`rolecall.${name}`),
    externalId,
    durationSeconds: chainedSeconds,
    tags: [],
    transitiveTagKeys: [],
    sourceIdentity: null,
    policyArns: [],
    policy: null,
    assumedBy: null,
    webIdentity: null,
  });
}

function refused({ name, assumeRole }: NamespaceFacts, why: string): { readonly denial: Denial } {
  const found = `${namespaceName(name)}: ${key} ${quoted(assumeRole ?? "", 110)} ${why}`;
  return { denial: denial("AssumeRoleNotPermitted", `${found}; change or remove the annotation`) };
}

function notPermitted({ name }: NamespaceFacts, arn: string, rules: TrustRoleRules): Denial {
  const why = rules.isPermittedSet
    ? "is not one that --assume-role-permitted permits to this namespace"
    : "is not permitted, since the server has no --assume-role-permitted";
  const found = `${namespaceName(name)}: ${key} ${shown(arn, 160)} ${why}`;
  return denial("AssumeRoleNotPermitted", `${found}; change it, or ask the operator`);
}

function externalIdInvalid(name: string, problem: string): Denial {
  const found = `${namespaceName(name)}: the external ID for its ${key} ${problem}`;
  return denial("ExternalIdInvalid", `${found}; change the server's --external-id`);
}
