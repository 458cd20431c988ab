/** Groups all differences of a cluster, and writes them for people. Pure. */
import { counted } from "../cli/quantities.ts";
import type { ClusterFacts } from "../kubernetes/operations/cluster_facts.ts";
import { podsWithFacts, type PodWithFacts } from "../kubernetes/operations/cluster_facts.ts";
import { createPolicy } from "../policy/decide.ts";
import type { PolicySettings } from "../policy/facts.ts";
import type { ManifestFacts, Unread } from "../kubernetes/manifests/facts.ts";
import { requestedRole } from "../policy/requested_role.ts";
import {
  type Difference,
  type DifferenceKind,
  differenceKinds,
  differenceOf,
  type MigrationSettings,
} from "./difference.ts";
import { namespaceHints } from "./hints.ts";
import type { Predecessor } from "./predecessor.ts";

type NotCompared = Omit<Unread, "place" | "position"> & Partial<Pick<Unread, "place">>;

interface MigrationReport {
  readonly comparedWith: readonly Predecessor[];
  /** Pods that were compared; those that have ended aren't. */
  readonly pods: number;
  readonly differences: readonly Difference[];
  /** What may make pods that couldn't be compared. */
  readonly notCompared: readonly NotCompared[];
  /** What else is worth knowing, a line each. */
  readonly hints: readonly string[];
}

export interface Compared extends Partial<Pick<ManifestFacts, "written" | "unread" | "hints">> {
  readonly cluster: ClusterFacts;
}

export function migrationReport(
  { cluster, written, unread = [], hints = [] }: Compared,
  from: readonly Predecessor[],
  settings: MigrationSettings,
): MigrationReport {
  const policy = createPolicy(settings.ours);
  const running = [...podsWithFacts(cluster)].filter(({ pod }) => !pod.terminal);
  const blind = running.filter((facts) => needsNamespace(facts, from, written));
  const pods = running.filter((facts) => !blind.includes(facts));
  const differences = pods.flatMap((facts) => {
    const decision = policy.decide(facts.pod, facts.namespace, facts.serviceAccount);
    return from.map((one) => differenceOf(one, facts, decision, settings))
      .filter((found) => found !== null);
  });
  return {
    comparedWith: from,
    pods: pods.length,
    differences,
    notCompared: [...unread, ...blind.map(namespaceMissing)],
    hints: [
      ...namespaceHints(cluster.namespaces.values()),
      ...sessionHints(from, settings),
      ...trustHints(settings.ours),
      ...hints.map(({ place, message }) => `${place}: ${message}`),
    ],
  };
}

/** kiam required an annotation on the namespace; under kube2iam its absence alone is the cause. */
function needsNamespace(
  { pod, namespace, serviceAccount }: PodWithFacts,
  from: readonly Predecessor[],
  written: ReadonlySet<string> | undefined,
): boolean {
  if (written === undefined || written.has(pod.namespace) || from.includes("kube2iam")) {
    return false;
  }
  return requestedRole(pod, namespace, serviceAccount).kind === "role";
}

function namespaceMissing({ pod }: PodWithFacts): NotCompared {
  const why = `what namespace ${pod.namespace} permits isn't in the manifests; ` +
    "give its manifest too, or compare with --kubeconfig";
  return { kind: "Pod", name: `${pod.namespace}/${pod.name}`, why };
}

/** Namespaces with expressions were kiam's; without any, it was kube2iam. */
export function likelyPredecessors(cluster: ClusterFacts): readonly Predecessor[] {
  const kiam = [...cluster.namespaces.values()].some(({ permitted }) => permitted !== null);
  return kiam ? ["kiam-v3", "kiam-v4"] : ["kube2iam"];
}

export function reportText(report: MigrationReport): string {
  const { differences, notCompared, hints } = report;
  const groups = grouped(differences).flatMap(([kind, causes]) => [
    "",
    `${kind}: ${differenceKinds[kind]}`,
    ...causes.flatMap(([cause, names]) => [`  ${cause}`, ...names.map((name) => `    ${name}`)]),
  ]);
  const missed = notCompared.flatMap(({ kind, name, place, why }) => [
    `  ${kind} ${name}${place === undefined ? "" : ` (${place})`}:`,
    `    ${why}`,
  ]);
  const lines = [headOf(report), ...groups, ...section("Not compared:", missed)];
  return [...lines, ...section("Notes:", hints.map((one) => `  ${one}`))]
    .map((line) => line + "\n").join("");
}

function headOf({ comparedWith, pods, differences, notCompared }: MigrationReport): string {
  const count = countOf(differences);
  const differ = differences.length > 0
    ? `${count} ${count === 1 ? "gets" : "get"} another answer`
    : notCompared.length > 0
    ? "none of them gets another answer"
    : "no answer differs";
  const missed = notCompared.length === 0 ? "" : `; ${notCompared.length} not compared`;
  return `${counted(pods, "pod")} compared with ${comparedWith.join(" and ")}: ${differ}${missed}`;
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ["", title, ...lines];
}

function sessionHints(
  from: readonly Predecessor[],
  { before: { session }, ours: { sessionNameTemplate } }: MigrationSettings,
): string[] {
  if (!from.some((one) => one !== "kube2iam")) return [];
  return [
    `sessions that no annotation names are called ${sessionNameTemplate} instead of ` +
    `kiam-${session}: where policies or queries know that, run the server with ` +
    `--session-name=kiam-${session}`,
  ];
}

/** What trust policies have to allow in addition, since the server sends it. */
function trustHints({ sessionTags, sourceIdentityTemplate }: PolicySettings): string[] {
  const actions = [
    ...(sessionTags.length > 0 ? ["sts:TagSession"] : []),
    ...(sourceIdentityTemplate === null ? [] : ["sts:SetSourceIdentity"]),
  ];
  return actions.map((action) =>
    `the trust policies of all roles must allow ${action} as well, which neither kiam nor kube2iam needs`
  );
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
