/** All differences of a cluster, grouped, and as people read them. Pure. */
import type { ClusterFacts } from "../kubernetes/objects/cluster_facts.ts";
import { podsWithFacts } from "../kubernetes/objects/cluster_facts.ts";
import { createPolicy } from "../policy/decide.ts";
import type { PolicySettings } from "../policy/facts.ts";
import {
  type Difference,
  type DifferenceKind,
  differenceKinds,
  differenceOf,
} from "./difference.ts";
import { namespaceHints } from "./hints.ts";
import type { Predecessor, PredecessorSettings } from "./predecessor.ts";

export interface MigrationReport {
  readonly comparedWith: readonly Predecessor[];
  /** Pods that were compared; those that have ended aren't. */
  readonly pods: number;
  readonly differences: readonly Difference[];
  /** What else is worth knowing, a line each. */
  readonly hints: readonly string[];
}

export function migrationReport(
  cluster: ClusterFacts,
  from: readonly Predecessor[],
  settings: PredecessorSettings,
  ours: PolicySettings,
): MigrationReport {
  const policy = createPolicy(ours);
  const all = [...podsWithFacts(cluster)].filter(({ pod }) => !pod.terminal);
  const differences = all.flatMap((facts) => {
    const decision = policy.decide(facts.pod, facts.namespace, facts.serviceAccount);
    return from.map((one) => differenceOf(one, facts, decision, settings))
      .filter((found) => found !== null);
  });
  const hints = [
    ...namespaceHints(cluster.namespaces.values()),
    ...sessionHints(from, settings, ours),
  ];
  return { comparedWith: from, pods: all.length, differences, hints };
}

/** Both kinds of annotations tell whose they are: kiam's expressions, or none. */
export function likelyPredecessors(cluster: ClusterFacts): readonly Predecessor[] {
  const kiam = [...cluster.namespaces.values()].some(({ permitted }) => permitted !== null);
  return kiam ? ["kiam-v3", "kiam-v4"] : ["kube2iam"];
}

export function reportText(report: MigrationReport): string {
  const { comparedWith, pods, differences, hints } = report;
  const head = `${pods} pods compared with ${comparedWith.join(" and ")}: ` +
    (differences.length === 0 ? "no answer differs" : `${countOf(differences)} get another answer`);
  const groups = grouped(differences).flatMap(([kind, causes]) => [
    "",
    `${kind}: ${differenceKinds[kind]}`,
    ...causes.flatMap(([cause, names]) => [`  ${cause}`, ...names.map((name) => `    ${name}`)]),
  ]);
  const notes = hints.length === 0 ? [] : ["", "Worth knowing:", ...hints.map((one) => `  ${one}`)];
  return [head, ...groups, ...notes].map((line) => line + "\n").join("");
}

function sessionHints(
  from: readonly Predecessor[],
  { session }: PredecessorSettings,
  { sessionNameTemplate }: PolicySettings,
): string[] {
  if (!from.some((one) => one !== "kube2iam")) return [];
  return [
    `sessions that no annotation names are called ${sessionNameTemplate} instead of ` +
    `kiam-${session}: where policies or queries know that, run the server with ` +
    `--session-name=kiam-${session}`,
  ];
}

function countOf(differences: readonly Difference[]): number {
  return new Set(differences.map(({ namespace, pod }) => `${namespace}/${pod}`)).size;
}

type Grouped = readonly (readonly [
  DifferenceKind,
  readonly (readonly [cause: string, pods: readonly string[]])[],
])[];

/** In the order of the kinds; pods with the same cause under one line. */
function grouped(differences: readonly Difference[]): Grouped {
  const kinds = Object.keys(differenceKinds) as DifferenceKind[];
  return kinds.map((kind) => {
    const causes = new Map<string, string[]>();
    for (const one of differences.filter((difference) => difference.kind === kind)) {
      const cause = `${one.from}: ${one.why}; ${one.remedy}`;
      causes.set(cause, [...causes.get(cause) ?? [], `${one.namespace}/${one.pod}`]);
    }
    return [kind, [...causes]] as const;
  }).filter(([, causes]) => causes.length > 0);
}
