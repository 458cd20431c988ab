/**
 * The decision: may this pod have a role, which one, and as which identity? Pure and total: any facts
 * get an answer with a reason, and the same facts the same answer. Whether the pod still runs is not
 * asked here.
 */
import { denial, quoted, shown } from "./denial_text.ts";
import type {
  Decision,
  Denial,
  NamespaceFacts,
  PodFacts,
  PolicySettings,
  ServiceAccountFacts,
} from "./facts.ts";
import { Permission } from "./permission.ts";
import { namespaceName, podName, requestedRole, type WrittenRole } from "./requested_role.ts";
import { PolicySettingsFault, reservedRoles } from "./reserved_roles.ts";
import { formatRoleArn, type RoleArn } from "./role_arn.ts";
import { parseRoleBaseArn, type ResolvedRole, resolveRole, type RoleBase } from "./role_base.ts";
import { sessionIdentity } from "./session_identity.ts";

export interface Policy {
  /**
   * Facts of another namespace or ServiceAccount than the pod's count as not known. An unknown
   * ServiceAccount has no annotation; without its namespace no pod gets a role.
   */
  decide(
    pod: PodFacts,
    namespace: NamespaceFacts | undefined,
    serviceAccount: ServiceAccountFacts | undefined,
  ): Decision;
  /** `PermittedInvalid` where the namespace's own annotations can't be read, for its Event. */
  namespaceProblem(namespace: NamespaceFacts): Denial | null;
}

interface Rules {
  readonly settings: PolicySettings;
  readonly base: RoleBase | null;
  readonly isReserved: (role: RoleArn) => boolean;
  readonly permission: Permission;
}

/**
 * A policy for one set of settings. What it keeps is bounded: the annotations it parsed last.
 * @throws {PolicySettingsFault} `roleBaseArn` or a reserved role isn't an ARN of its kind.
 */
export function createPolicy(settings: PolicySettings): Policy {
  const base = baseOf(settings.roleBaseArn);
  const isReserved = reservedRoles(settings.reservedRoleArns);
  const permission = new Permission({ ...settings, base });
  const rules = { settings, base, isReserved, permission };
  return {
    decide: (pod, namespace, serviceAccount) => decide(rules, pod, namespace, serviceAccount),
    namespaceProblem: (namespace) => permission.problem(namespace),
  };
}

/** What is wrong with a namespace's own annotations, for those who keep no {@link Policy}. */
export function namespaceProblem(
  namespace: NamespaceFacts,
  honourAllowedRoles = false,
): Denial | null {
  const settings = { base: null, permittedMatch: "arn", honourAllowedRoles } as const;
  return new Permission(settings).problem(namespace);
}

function decide(
  rules: Rules,
  pod: PodFacts,
  anyNamespace: NamespaceFacts | undefined,
  anyAccount: ServiceAccountFacts | undefined,
): Decision {
  const namespace = anyNamespace?.name === pod.namespace ? anyNamespace : undefined;
  const account = isAccountOf(pod, anyAccount) ? anyAccount : undefined;
  const request = requestedRole(pod, namespace, account);
  if (request.kind === "none") return { kind: "none" };
  if (pod.mirror) return denied(staticPod(pod));
  if (namespace === undefined || request.kind === "unknown") return denied(namespaceUnknown(pod));
  const resolved = resolveRole(request.text, rules.base);
  if (resolved.kind !== "role") return denied(unresolved(request, resolved));
  if (rules.isReserved(resolved.role)) return denied(reserved(request, resolved.role));
  const refusal = rules.permission.refusal(namespace, resolved.role, request.setting);
  if (refusal !== null) return denied(refusal);
  const session = sessionIdentity(pod, resolved.role, rules.settings);
  if (session.kind === "denied") return session;
  const { name } = resolved.role;
  return { kind: "role", name, requested: request.text, identity: session.identity };
}

function baseOf(roleBaseArn: string | null): RoleBase | null {
  if (roleBaseArn === null) return null;
  const parsed = parseRoleBaseArn(roleBaseArn);
  if (parsed.kind === "base") return parsed.base;
  throw new PolicySettingsFault(
    `role base ${quoted(roleBaseArn, 200)}: expected ${parsed.expected}`,
  );
}

function isAccountOf(pod: PodFacts, account: ServiceAccountFacts | undefined): boolean {
  return account?.namespace === pod.namespace && account.name === pod.serviceAccount;
}

function denied(refused: Denial): Decision {
  return { kind: "denied", denial: refused };
}

function staticPod(pod: PodFacts): Denial {
  const remedy = "run it as a Deployment or DaemonSet, or remove its role";
  const why = "a mirror of a static pod gets no role, since any kubelet can write one";
  return denial("StaticPod", `${podName(pod)}: ${why}; ${remedy}`);
}

function namespaceUnknown(pod: PodFacts): Denial {
  const why = "is not known, so nothing says which roles it permits";
  const remedy = "check that it exists and that the server may watch namespaces";
  return denial("NamespaceUnknown", `${namespaceName(pod.namespace)}: ${why}; ${remedy}`);
}

function unresolved(
  request: WrittenRole,
  resolved: Exclude<ResolvedRole, { kind: "role" }>,
): Denial {
  const found = `${request.where} ${quoted(request.text, 110)}`;
  if (resolved.kind === "base_unknown") {
    const remedy = "write the role's whole ARN, or set the server's --role-base-arn";
    return denial("RoleBaseUnknown", `${found} has no account to be in; ${remedy}`);
  }
  const remedy = "write NAME, PATH/NAME or an ARN";
  return denial("RoleMalformed", `${found} names no role: ${resolved.expected}; ${remedy}`);
}

function reserved(request: WrittenRole, role: RoleArn): Denial {
  const why = `${shown(formatRoleArn(role), 160)} is a role that the server itself runs as`;
  return denial("RoleReserved", `${request.where}: ${why}, which no pod gets; name another role`);
}
