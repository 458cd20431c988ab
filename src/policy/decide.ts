/**
 * The decision: may this pod have a role, which one, and under which role identity? Pure and total:
 * any facts get an answer with a reason, and the same facts get the same answer. Whether the pod is
 * still running doesn't matter here.
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
import { ExternalIds } from "./external_id.ts";
import { namespaceExpression, namespaceExpressionProblem } from "./namespace_expression.ts";
import { Permission } from "./permission.ts";
import {
  namespaceName,
  podName,
  type RequestedRole,
  requestedRole,
  type WrittenRole,
} from "./requested_role.ts";
import { PolicySettingsFault, reservedRoles } from "./reserved_roles.ts";
import { formatRoleArn, type RoleArn } from "./role_arn.ts";
import { parseRoleBaseArn, type ResolvedRole, resolveRole, type RoleBase } from "./role_base.ts";
import { sessionIdentity, type SessionRules } from "./session_identity.ts";

export interface Policy {
  /**
   * Facts of a namespace or ServiceAccount other than the pod's count as unknown. An unknown
   * ServiceAccount has no annotations; while its namespace is unknown, a pod gets no role.
   */
  decide(
    pod: PodFacts,
    namespace: NamespaceFacts | undefined,
    serviceAccount: ServiceAccountFacts | undefined,
  ): Decision;
  /** The role that the pod requests, and where it says so. */
  requestedRole(
    pod: PodFacts,
    namespace: NamespaceFacts | undefined,
    serviceAccount: ServiceAccountFacts | undefined,
  ): RequestedRole;
  /** `PermittedInvalid` if the namespace's annotations can't be parsed, for its Event; else null. */
  namespaceProblem(namespace: NamespaceFacts): Denial | null;
}

interface Rules extends SessionRules {
  readonly base: RoleBase | null;
  readonly isReserved: (role: RoleArn) => boolean;
  readonly isTrustRole: (role: RoleArn) => boolean;
  readonly permission: Permission;
}

/**
 * A policy for one set of settings. Its only state is a bounded cache of parsed annotations.
 * @throws {PolicySettingsFault} an ARN or an expression in the settings isn't valid.
 */
export function createPolicy(settings: PolicySettings): Policy {
  const base = baseOf(settings.roleBaseArn);
  const isReserved = reservedRoles(settings.reservedRoleArns);
  const permitted = namespaceExpression(checked(settings.assumeRolePermitted));
  checked(settings.externalIdPermitted);
  const rules = {
    settings,
    base,
    isReserved,
    // AWS assumes a role only under its exact path, so no other path has to be reserved.
    isTrustRole: (role: RoleArn) => permitted.permitsAny(formatRoleArn(role)),
    permission: new Permission({ ...settings, base }),
    externalIds: new ExternalIds(settings),
    trustRoles: {
      base,
      permitted,
      isPermittedSet: settings.assumeRolePermitted !== null,
      isServerRole: isReserved,
    },
  };
  return {
    decide: (pod, namespace, serviceAccount) => decide(rules, pod, namespace, serviceAccount),
    requestedRole: (pod, namespace, serviceAccount) =>
      requestedRole(pod, namespace, accountFacts(rules, serviceAccount)),
    namespaceProblem: (namespace) => rules.permission.problem(namespace),
  };
}

function decide(
  rules: Rules,
  pod: PodFacts,
  anyNamespace: NamespaceFacts | undefined,
  anyAccount: ServiceAccountFacts | undefined,
): Decision {
  const namespace = anyNamespace?.name === pod.namespace ? anyNamespace : undefined;
  const account = isAccountOf(pod, anyAccount) ? anyAccount : undefined;
  const request = requestedRole(pod, namespace, accountFacts(rules, account));
  if (request.kind === "none") return { kind: "none" };
  if (pod.mirror !== null) return denied(staticPod(pod));
  if (pod.hostNetwork && !rules.settings.hostNetworkServed) return denied(hostNetwork(pod));
  if (namespace === undefined || request.kind === "unknown") return denied(namespaceUnknown(pod));
  const resolved = resolveRole(request.text, rules.base);
  if (resolved.kind !== "role") return denied(unresolved(request, resolved));
  const { role } = resolved;
  if (rules.isReserved(role)) return denied(reserved(request, role, runsAs));
  if (rules.isTrustRole(role)) return denied(reserved(request, role, trusted));
  const refusal = rules.permission.refusal(namespace, role, request.setting);
  if (refusal !== null) return denied(refusal);
  const session = sessionIdentity({ pod, namespace, account, role }, rules);
  if (session.denial !== null) return denied(session.denial);
  return { kind: "role", name: role.name, requested: request.text, identity: session.value };
}

/** Without IRSA's annotation, unless it is honoured. */
function accountFacts(
  { settings }: Rules,
  account: ServiceAccountFacts | undefined,
): ServiceAccountFacts | undefined {
  if (account === undefined || settings.honourIrsaAnnotations) return account;
  return { ...account, irsaRole: null };
}

function checked(expression: string | null): string | null {
  const problem = expression === null ? null : namespaceExpressionProblem(expression);
  if (problem === null) return expression;
  throw new PolicySettingsFault(`expression ${quoted(expression ?? "", 200)} ${problem}`);
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
  const why = "mirrors of static pods get no role, because any kubelet can create one";
  return denial("StaticPod", `${podName(pod)}: ${why}; ${remedy}`);
}

/** Its requests aren't redirected, and its address is the node's. */
function hostNetwork(pod: PodFacts): Denial {
  const why = "pods on the host network reach the node's own metadata service, not the agent";
  const remedy =
    "enable container credentials (the agents' --container-credentials), or take it off " +
    "the host network";
  return denial("HostNetwork", `${podName(pod)}: ${why}; ${remedy}`);
}

function namespaceUnknown(pod: PodFacts): Denial {
  const why = "is not known, so neither are the roles that it permits";
  const remedy = "check that it exists and that the server is allowed to watch namespaces";
  return denial("NamespaceUnknown", `${namespaceName(pod.namespace)}: ${why}; ${remedy}`);
}

function unresolved(
  request: WrittenRole,
  resolved: Exclude<ResolvedRole, { kind: "role" }>,
): Denial {
  const found = `${request.where} ${quoted(request.text, 110)}`;
  if (resolved.kind === "base_unknown") {
    const remedy = "write the role's full ARN, or set the server's --role-base-arn";
    return denial(
      "RoleBaseUnknown",
      `${found} has no account, and the server's is not known; ${remedy}`,
    );
  }
  const remedy = "write NAME, PATH/NAME or an ARN";
  return denial("RoleMalformed", `${found} is not a role: ${resolved.expected}; ${remedy}`);
}

const runsAs = "that the server itself runs as";
const trusted = "that --assume-role-permitted reserves for namespaces' assume-role";

function reserved(request: WrittenRole, role: RoleArn, which: string): Denial {
  const why = `${shown(formatRoleArn(role), 160)} is a role ${which}`;
  return denial("RoleReserved", `${request.where}: ${why}, which no pod gets; name another role`);
}
