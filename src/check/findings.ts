/** What `check` finds in manifests, by the server's own policy. Pure. */
import type { ManifestFacts } from "../kubernetes/manifests/facts.ts";
import type { Position } from "../kubernetes/manifests/documents.ts";
import { podsWithFacts, type PodWithFacts } from "../kubernetes/operations/cluster_facts.ts";
import type { Policy } from "../policy/decide.ts";
import type { Decision, RoleIdentity } from "../policy/facts.ts";

/**
 * `denied`: the pod would get no credentials. `unknown`: it can't be evaluated from here. `warning`:
 * something that has no effect, or that is probably a mistake.
 */
export type FindingLevel = "denied" | "unknown" | "warning";

export interface Finding {
  readonly level: FindingLevel;
  /** Stable, such as `NotPermitted`. */
  readonly reason: string;
  /** One line, with what to change. */
  readonly message: string;
  /** `NAMESPACE/NAME`; null if it concerns no single object. */
  readonly subject: string | null;
  readonly position: Position;
}

export interface CheckResult {
  readonly pods: number;
  readonly findings: readonly Finding[];
}

/** What was found, without where. */
export type Problem = Pick<Finding, "level" | "reason" | "message">;

interface CheckOptions {
  readonly facts: ManifestFacts;
  readonly policy: Policy;
  /** Without the server's `--role-base-arn`, roles named without `arn:` can't be evaluated. */
  readonly baseKnown: boolean;
  /** Why a role that policy permits can't be assumed; null if nothing prevents it. */
  readonly trustProblem: (identity: RoleIdentity) => Problem | null;
  /** Names or ARNs of the roles of `--trust`. */
  readonly roles: readonly string[];
}

export function checkManifests(options: CheckOptions): CheckResult {
  const { facts, policy } = options;
  const pods = [...podsWithFacts(facts.cluster)].filter(({ pod }) => !pod.terminal);
  return {
    pods: pods.length,
    findings: [
      ...pods.flatMap((pod) => podFinding(options, pod)),
      ...facts.unread.map(({ name, why, position }): Finding => ({
        level: "unknown",
        reason: "NotReadable",
        message: why,
        subject: name,
        position,
      })),
      ...[...facts.namespacePositions].flatMap(([subject, position]): Finding[] => {
        const namespace = facts.cluster.namespaces.get(subject);
        const problem = namespace === undefined ? null : policy.namespaceProblem(namespace);
        return problem === null ? [] : [{ level: "warning", subject, position, ...problem }];
      }),
      ...facts.hints.map(({ message, position }): Finding => ({
        level: "warning",
        reason: "NoEffect",
        message,
        subject: null,
        position,
      })),
    ],
  };
}

function podFinding(options: CheckOptions, pod: PodWithFacts): Finding[] {
  const { facts, policy } = options;
  const decision = policy.decide(pod.pod, pod.namespace, pod.serviceAccount);
  const found = problemOf(options, pod, decision);
  if (found === null) return [];
  const { namespace, name, uid } = pod.pod;
  const position = facts.positions.get(uid)!;
  return [{ ...found, subject: `${namespace}/${name}`, position }];
}

function problemOf(
  { facts, baseKnown, trustProblem, roles }: CheckOptions,
  { pod }: PodWithFacts,
  decision: Decision,
): Problem | null {
  if (decision.kind === "none") return pod.role === null ? roleless(pod.name, roles) : null;
  if (!facts.written.has(pod.namespace)) {
    const message = `what namespace ${pod.namespace} permits isn't in the manifests; ` +
      "give its manifest too, or a cluster that has it (--kubeconfig)";
    return { level: "unknown", reason: "NamespaceUnknown", message };
  }
  if (decision.kind === "role") return trustProblem(decision.identity);
  const { reason, message } = decision.denial;
  if (reason !== "RoleBaseUnknown" || baseKnown) return { level: "denied", reason, message };
  const [found] = message.split("; ");
  return {
    level: "unknown",
    reason,
    message: `${found}; give --role-base-arn as the server has it`,
  };
}

/** A pod with the name of a role that it doesn't have. */
function roleless(pod: string, roles: readonly string[]): Problem | null {
  const name = pod.split("/").at(-1);
  const role = roles.find((one) => one.split("/").at(-1) === name);
  if (role === undefined) return null;
  const message = `has no role, though there is a role ${role}; ` +
    "annotate it with iam.amazonaws.com/role if it should have it";
  return { level: "warning", reason: "NoRole", message };
}
