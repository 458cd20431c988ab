/**
 * The data behind the status page: problems first, pods and roles sorted by severity and filtered by
 * the search.
 */
import type { MergedSummary, ReplicaRow } from "./merged_summary.ts";
import type { RoleRow } from "./role_row.ts";
import type { AgentRow, PodRow } from "./summary.ts";
import type { TimelineView } from "../../timeline/timeline.ts";
import { counted } from "../../../cli/quantities.ts";

/** Empty texts match everything. */
export interface Search {
  readonly pod: string;
  readonly role: string;
  readonly namespace: string;
  readonly state: string;
  /** From 1. */
  readonly page: number;
}

export interface StatusView {
  readonly at: number;
  readonly version: string;
  readonly counts: MergedSummary["counts"];
  readonly replicas: readonly ReplicaRow[];
  /** One line each; none means healthy. */
  readonly problems: readonly string[];
  /** Pods that made requests without a token, by namespace. */
  readonly withoutToken: ReadonlyMap<string, number>;
  readonly states: Readonly<Record<PodRow["state"], number>>;
  readonly agents: readonly AgentRow[];
  readonly found: readonly PodRow[];
  readonly roles: readonly RoleRow[];
  readonly timeline: TimelineView;
  readonly search: Search;
}

/** Most severe first. */
export const podStates = ["failed", "denied", "unserved", "pending", "ready", "none"] as const;

const roleStates = ["failed", "pending", "ready"] as const;

export function viewOf(summary: MergedSummary, search: Search): StatusView {
  const { pods, roles, agents } = summary;
  const states = { failed: 0, denied: 0, unserved: 0, pending: 0, ready: 0, none: 0 };
  for (const { state } of pods) states[state]++;
  return {
    at: Date.parse(summary.at),
    version: summary.version,
    counts: summary.counts,
    replicas: summary.replicas,
    problems: problemsOf(summary, states),
    states,
    withoutToken: withoutTokenOf(pods),
    agents: sorted(agents, (agent) => `${isHealthy(agent) ? 1 : 0} ${agent.node}`),
    found: sorted(pods.filter(matcher(search)), podKey),
    roles: sorted(roles.filter(({ arn }) => contains(arn, search.role)), roleKey),
    timeline: summary.timeline,
    search,
  };
}

/** Lenient: invalid values are ignored. */
export function searchOf(query: URLSearchParams): Search {
  const text = (name: string) => (query.get(name) ?? "").trim().slice(0, 253);
  const page = Number(query.get("page") ?? "1");
  const state = podStates.find((known) => known === query.get("state")) ?? "";
  return {
    pod: text("pod"),
    role: text("role"),
    namespace: text("namespace"),
    state,
    page: Number.isSafeInteger(page) && page > 0 ? page : 1,
  };
}

/** Connected, ready, and its redirect rules in place. */
export function isHealthy({ connectedAt, report }: AgentRow): boolean {
  if (connectedAt === null) return false;
  return report === null || (report.ready && redirected(report));
}

function redirected({ redirect }: NonNullable<AgentRow["report"]>): boolean {
  return redirect.kind === "none" || redirect.inPlace;
}

function problemsOf(summary: MergedSummary, states: StatusView["states"]): string[] {
  const { replicas, agents } = summary;
  const unhealthy =
    agents.filter((agent) => agent.connectedAt !== null && !isHealthy(agent)).length;
  const unguarded = agents.filter(({ report }) => report?.redirect.guarded === false).length;
  const open = agents.filter(({ report }) => report?.instanceAnswersWithoutToken === true).length;
  const openAtBoot = agents.filter(({ report }) => report?.closedFromBoot === false).length;
  const fallenBack = agents.filter(({ report }) => report?.identityFallback === true).length;
  const disconnected = agents.filter(({ connectedAt }) => connectedAt === null).length;
  return [
    ...replicas.flatMap(({ replica, missing }) => missing.map((line) => `${replica}: ${line}`)),
    ...replicas.flatMap(({ replica, problem }) =>
      problem === null ? [] : [`${replica} didn't answer: ${problem}`]
    ),
    ...(unhealthy === 0
      ? []
      : [`${counted(unhealthy, "agent")} not ready or without redirect rules`]),
    ...(unguarded === 0
      ? []
      : [`${counted(unguarded, "agent")} without policy routing as a second barrier`]),
    ...(open === 0 ? [] : [
      `${counted(open, "instance")} would answer pods without a token: require tokens, hop limit 1`,
    ]),
    ...(openAtBoot === 0 ? [] : [
      `${counted(openAtBoot, "node")} open to pods from boot until the agent runs: see its log`,
    ]),
    ...(fallenBack === 0 ? [] : [
      `${counted(fallenBack, "agent")} without the kernel to identify pods: see their logs`,
    ]),
    ...(disconnected === 0 ? [] : [`${counted(disconnected, "agent")} not connected`]),
    ...(states.failed === 0 ? [] : [`STS refuses ${counted(states.failed, "pod")}`]),
    ...(states.unserved === 0
      ? []
      : [`${counted(states.unserved, "pod")} with a role on nodes without a connected agent`]),
  ];
}

function withoutTokenOf(pods: readonly PodRow[]): Map<string, number> {
  const found = pods.filter(({ lastWithoutToken }) => lastWithoutToken)
    .map(({ namespace }) => namespace).sort();
  return new Map([...Map.groupBy(found, (name) => name)].map(([name, all]) => [name, all.length]));
}

function matcher(search: Search): (pod: PodRow) => boolean {
  return (pod) =>
    contains(pod.name, search.pod) && contains(pod.namespace, search.namespace) &&
    contains(pod.roleArn ?? pod.requested ?? "", search.role) &&
    (search.state === "" || pod.state === search.state);
}

/** In any letter case. */
function contains(text: string, part: string): boolean {
  return part === "" || text.toLowerCase().includes(part.toLowerCase());
}

function podKey({ state, namespace, name }: PodRow): string {
  return `${podStates.indexOf(state)} ${namespace}/${name}`;
}

function roleKey({ state, arn, sessionName }: RoleRow): string {
  return `${roleStates.indexOf(state)} ${arn} ${sessionName}`;
}

/** Computes each key once: there may be 10,000 pods. */
function sorted<T>(rows: readonly T[], keyOf: (row: T) => string): T[] {
  return rows.map((row) => [keyOf(row), row] as const)
    .sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0)
    .map(([, row]) => row);
}
