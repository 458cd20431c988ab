/**
 * What IRSA or EKS Pod Identity needs so that each pod gets the role that it has under Rolecall. Both
 * know ServiceAccounts only, so pods of one ServiceAccount with different roles, or with and without
 * one, need different ServiceAccounts. Pure.
 */
import type { Unread } from "../../kubernetes/manifests/facts.ts";
import {
  type ClusterFacts,
  podsWithFacts,
  type PodWithFacts,
} from "../../kubernetes/operations/cluster_facts.ts";
import { createPolicy } from "../../policy/decide.ts";
import type { PodFacts, PolicySettings, RoleIdentity } from "../../policy/facts.ts";
import { parseRoleArn } from "../../policy/role_arn.ts";
import { type PlannedAccount, type Target, type TrustedRole, trustPolicies } from "./trust.ts";

interface NotMigrated {
  /** `NAMESPACE/NAME`. */
  readonly pod: string;
  readonly reason: string;
  /** `denied`: it has no role now. `unsupported`: it keeps needing Rolecall. `unknown`: not evaluated. */
  readonly kind: "denied" | "unsupported" | "unknown";
  readonly message: string;
}

export interface MigrationPlan {
  readonly target: Target;
  readonly serviceAccounts: readonly PlannedAccount[];
  /** Statements to add to the roles' trust policies. */
  readonly roles: readonly TrustedRole[];
  readonly notMigrated: readonly NotMigrated[];
  /** What else differs or has to be done, a line each. */
  readonly notes: readonly string[];
}

export interface PlanOptions {
  readonly cluster: ClusterFacts;
  /** Namespaces whose annotations are known; absent: all. */
  readonly written?: ReadonlySet<string>;
  readonly unread?: readonly Unread[];
  /** What made a pod, by UID; absent for a pod that nothing made. */
  readonly owners?: ReadonlyMap<string, string>;
  readonly policy: PolicySettings;
  readonly target: Target;
}

/** A pod with the role that it has now, or why the plan has none for it. */
interface PodWithRole {
  readonly facts: PodWithFacts;
  readonly workload: string;
  readonly role: RoleIdentity | null;
  readonly problem: Omit<NotMigrated, "pod"> | null;
}

export function migrationPlan(options: PlanOptions): MigrationPlan {
  const { cluster, target, unread = [] } = options;
  const policy = createPolicy(options.policy);
  const running = [...podsWithFacts(cluster)]
    .filter(({ pod }) => !pod.terminal && !pod.terminating);
  const first = running.map((facts) => podWithRole(options, facts, policy));
  const pods = target.kind === "irsa" ? first : inOneAccount(first, options.policy);
  const serviceAccounts = accountsOf(pods, cluster);
  const roles = trustPolicies(serviceAccounts, target);
  return {
    target,
    serviceAccounts,
    roles,
    notMigrated: [
      ...pods.flatMap(({ facts: { pod }, problem }) =>
        problem === null ? [] : [{ pod: `${pod.namespace}/${pod.name}`, ...problem }]
      ),
      ...unread.map(({ name, why }) => {
        return { pod: name, reason: "NotReadable", kind: "unknown", message: why } as const;
      }),
    ],
    notes: [...notesOf(options, pods, serviceAccounts), ...roles.flatMap(sizeNote)],
  };
}

function podWithRole(
  { written, owners }: PlanOptions,
  facts: PodWithFacts,
  policy: ReturnType<typeof createPolicy>,
): PodWithRole {
  const { pod, namespace, serviceAccount } = facts;
  const none = { facts, workload: owners?.get(pod.uid) ?? pod.name, role: null, problem: null };
  const decision = policy.decide(pod, namespace, serviceAccount);
  if (decision.kind === "none") return none;
  if (written?.has(pod.namespace) === false) {
    const message = `what namespace ${pod.namespace} permits isn't in the manifests; ` +
      "add its manifest, or read the cluster with --kubeconfig";
    return { ...none, problem: { reason: "NamespaceUnknown", kind: "unknown", message } };
  }
  if (decision.kind === "denied") {
    const { reason, message } = decision.denial;
    if (reason === "RoleBaseUnknown") {
      const remedy = "its role is written without arn:; give --role-base-arn as the server has it";
      return { ...none, problem: { reason, kind: "unknown", message: remedy } };
    }
    const text = reason === "HostNetwork" ? hostNetwork : message;
    return { ...none, problem: { reason, kind: "denied", message: text } };
  }
  const { identity } = decision;
  if (identity.policy !== null || identity.policyArns.length > 0) {
    return { ...none, problem: sessionPolicies };
  }
  return { ...none, role: identity };
}

const hostNetwork =
  "pods on the host network have no role now, and reach the node's own metadata " +
  "service whatever is done here; to give one a role, bind its ServiceAccount by hand";

const sessionPolicies = {
  reason: "SessionPolicies",
  kind: "unsupported",
  message: "its permissions are reduced by session policies, which are not generated; give it a " +
    "role of its own with those permissions first",
} as const;

/** Pod Identity associates roles of the cluster's own account only. */
function inOneAccount(
  pods: readonly PodWithRole[],
  { roleBaseArn }: PolicySettings,
): PodWithRole[] {
  const accounts = new Set(pods.flatMap(({ role }) => role === null ? [] : [accountOf(role.arn)]));
  const own = roleBaseArn !== null
    ? accountOf(`${roleBaseArn}x`)
    : accounts.size === 1
    ? [...accounts][0]
    : null;
  return pods.map((pod) => {
    if (pod.role === null || accountOf(pod.role.arn) === own) return pod;
    const problem = own === null
      ? {
        reason: "AccountUnknown",
        kind: "unknown",
        message: "roles belong to several accounts, and Pod Identity accepts only those of the " +
          "cluster's account; give --role-base-arn with that account",
      } as const
      : {
        reason: "OtherAccount",
        kind: "unsupported",
        message: `${pod.role.arn} isn't in the cluster's account ${own}, which Pod Identity ` +
          "requires; use --to=irsa, or a role there that assumes this one",
      } as const;
    return { ...pod, role: null, problem };
  });
}

function accountOf(arn: string): string | null {
  const parsed = parseRoleArn(arn);
  return parsed.kind === "role" ? parsed.role.account : null;
}

/**
 * A ServiceAccount stays if all its pods have the same role. `default` never gets one, since every pod
 * without a ServiceAccount of its own would get it too.
 */
function accountsOf(pods: readonly PodWithRole[], cluster: ClusterFacts): PlannedAccount[] {
  const groups = Map.groupBy(
    pods,
    ({ facts: { pod } }) => `${pod.namespace}/${pod.serviceAccount}`,
  );
  const taken = new Set([...cluster.serviceAccounts.keys(), ...groups.keys()]);
  /** An earlier plan created it for the role, which all pods that use it by now have. */
  const isMade = (key: string, roleArn: string) => {
    const account = cluster.serviceAccounts.get(key);
    return (account?.irsaRole === roleArn || account?.role === roleArn) &&
      (groups.get(key) ?? []).every(({ role }) => role?.arn === roleArn);
  };
  const planned = [...groups].sort(([a], [b]) => a < b ? -1 : 1).flatMap(([, group]) => {
    const { namespace, serviceAccount } = group[0]!.facts.pod;
    const byRole = Map.groupBy(group, ({ role }) => role?.arn ?? null);
    const stays = byRole.size === 1 && serviceAccount !== "default";
    return [...byRole].flatMap(([roleArn, members]): PlannedAccount[] => {
      if (roleArn === null) return [];
      const isFree = (name: string) => {
        const key = `${namespace}/${name}`;
        return !taken.has(key) || isMade(key, roleArn);
      };
      const name = stays ? serviceAccount : freeName(serviceAccount, roleArn, isFree);
      taken.add(`${namespace}/${name}`);
      const workloads = [...new Set(members.map(({ workload }) => workload))].sort();
      return [{ namespace, name, roleArn, splitFrom: stays ? null : serviceAccount, workloads }];
    });
  });
  // Pods that have moved to a ServiceAccount of an earlier plan would list it a second time.
  const split = new Set(
    planned.filter(({ splitFrom }) => splitFrom !== null).map(({ namespace, name }) =>
      `${namespace}/${name}`
    ),
  );
  return planned.filter(({ namespace, name, splitFrom }) =>
    splitFrom !== null || !split.has(`${namespace}/${name}`)
  );
}

/** Follows the rules for names of Kubernetes objects. */
function freeName(
  serviceAccount: string,
  roleArn: string,
  isFree: (name: string) => boolean,
): string {
  const role = roleArn.split("/").at(-1)!.toLowerCase().replaceAll(/[^a-z0-9-]+/g, "-");
  const wanted = (serviceAccount === "default" ? role : `${serviceAccount}-${role}`)
    .slice(0, 240).replaceAll(/^-+|[-.]+$/g, "") || "role";
  let name = wanted;
  for (let count = 2; !isFree(name); count++) name = `${wanted}-${count}`;
  return name;
}

function notesOf(
  { cluster, target, owners, policy }: PlanOptions,
  pods: readonly PodWithRole[],
  accounts: readonly PlannedAccount[],
): string[] {
  return [
    ...accountNotes(cluster, accounts),
    ...podNotes(target, pods),
    ...(target.kind === "pod-identity" && policy.hostNetworkServed
      ? [
        "EKS's Pod Identity agent and --container-credentials use the same address, so the two " +
        "can't run on the same node: switch node by node",
      ]
      : []),
    ...(owners === undefined ? [] : [
      "workloads without a running pod, such as CronJobs between two runs, are not in this plan: " +
      "pass their manifests as well",
    ]),
    "session names change: policies and queries that use Rolecall's must be changed",
    sdkNote[target.kind],
  ];
}

function accountNotes(
  { serviceAccounts }: PlanOptions["cluster"],
  accounts: readonly PlannedAccount[],
): string[] {
  const split = accounts.filter(({ splitFrom }) => splitFrom !== null);
  const annotated = accounts.filter(({ namespace, name, roleArn }) => {
    const irsaRole = serviceAccounts.get(`${namespace}/${name}`)?.irsaRole ?? null;
    return irsaRole !== null && irsaRole !== roleArn;
  });
  return [
    ...(split.length === 0 ? [] : [
      "new ServiceAccounts need the RoleBindings, ClusterRoleBindings and imagePullSecrets that " +
      "their pods have from the old ones: " +
      split.map(({ namespace, name, splitFrom }) => `${namespace}/${name} from ${splitFrom}`)
        .join(", "),
    ]),
    ...annotated.map(({ namespace, name }) =>
      `ServiceAccount ${namespace}/${name} already has another eks.amazonaws.com/role-arn, ` +
      "which SDKs prefer to Rolecall's: decide which role is meant"
    ),
  ];
}

/** What sessions lose, with the names of the pods that have it now. */
function podNotes({ kind }: Target, pods: readonly PodWithRole[]): string[] {
  const losses: readonly [has: (role: RoleIdentity, pod: PodFacts) => boolean, text: string][] = [
    [
      (role) => role.externalId !== null,
      "no external ID is sent any more; statements that require one no longer match it",
    ],
    [
      (role) => role.assumedBy !== null,
      "its role is assumed directly, no longer through its namespace's trust role",
    ],
    [
      (role) => role.sourceIdentity !== null,
      "no source identity is sent any more; policies that require one refuse it",
    ],
    [
      (role) => role.tags.length > 0,
      kind === "irsa"
        ? "no session tags are sent any more; policies on aws:PrincipalTag refuse it"
        : "Pod Identity sends its own session tags under EKS's keys, and no others",
    ],
    [(_, pod) => pod.sessionDuration !== null, "its session-duration has no counterpart"],
    [
      (_, pod) => pod.hostNetwork,
      "is on the host network: an SDK that finds no other credentials takes the node's",
    ],
  ];
  return losses.flatMap(([has, text]) => {
    const names = pods.filter(({ role, facts: { pod } }) => role !== null && has(role, pod))
      .map(({ facts: { pod } }) => `${pod.namespace}/${pod.name}`);
    return names.length === 0 ? [] : [`${names.join(", ")}: ${text}`];
  });
}

const findOut = "after the restart, pods that still request credentials from Rolecall show up in " +
  "CloudTrail under Rolecall's session names, and in rolecall_agent_requests_total";
const sdkNote = {
  "irsa":
    `SDKs older than September 2019 ignore IRSA, which can't be detected from here: ${findOut}`,
  "pod-identity":
    `SDKs older than November 2023 ignore Pod Identity, which can't be detected from here: ${findOut}`,
};

/** IAM's default quota, without white space. */
const maxTrustPolicy = 2048;

function sizeNote({ arn, statements }: TrustedRole): string[] {
  const size = JSON.stringify(statements).length;
  return size <= maxTrustPolicy ? [] : [
    `${arn}: the statements to add have ${size} characters, and a trust policy at most ` +
    `${maxTrustPolicy} by default: raise the quota, or use fewer ServiceAccounts`,
  ];
}
