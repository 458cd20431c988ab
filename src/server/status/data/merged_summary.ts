/**
 * Merges the summaries of all replicas, for the status page and `explain`. Only the replica that an
 * agent is connected to has its pods' credentials, so the most informative row of each pod is used.
 */
import * as v from "valibot";
import { agentReport } from "../../../protocol/frames.ts";
import type { AgentRow, PodRow, Summary } from "./summary.ts";
import { mergeTimelines } from "../../timeline/timeline.ts";

export interface ReplicaRow {
  /** Its name, or its address if it didn't answer. */
  readonly replica: string;
  readonly version: string | null;
  readonly missing: readonly string[];
  readonly watchAgeSeconds: number | null;
  /** Null if it isn't known. */
  readonly certificate: NonNullable<Summary["certificate"]> | null;
  /** Why it didn't answer; null if it did. */
  readonly problem: string | null;
}

export interface MergedSummary extends Summary {
  readonly replicas: readonly ReplicaRow[];
}

/** Another replica's answer. */
export type PeerAnswer =
  | { readonly kind: "summary"; readonly summary: Summary }
  | { readonly kind: "problem"; readonly peer: string; readonly problem: string };

/** `own` comes first; an answer from this replica itself, through the Service, is ignored. */
export function mergeSummaries(own: Summary, answers: readonly PeerAnswer[]): MergedSummary {
  const all = [own];
  const silent: ReplicaRow[] = [];
  for (const answer of answers) {
    if (answer.kind === "problem") silent.push(silentRow(answer.peer, answer.problem));
    else if (!all.some(({ instance }) => instance === answer.summary.instance)) {
      all.push(answer.summary);
    }
  }
  return {
    ...own,
    replicas: [...all.map(replicaRow), ...silent],
    agents: best(all.flatMap(({ agents }) => agents), agentKey, agentWorth),
    pods: mergedPods(all.flatMap(({ pods }) => pods)),
    roles: all.flatMap(({ roles }) => roles),
    timeline: mergeTimelines(all.map(({ timeline }) => timeline)),
  };
}

const text = v.nullable(v.string());
const agentShape = v.looseObject({
  node: v.string(),
  namespace: v.string(),
  pod: v.string(),
  connectedAt: text,
  reportedAt: text,
  report: v.nullable(agentReport),
});
const podShape = v.looseObject({
  uid: v.string(),
  namespace: v.string(),
  name: v.string(),
  state: v.picklist(["none", "denied", "pending", "ready", "failed", "unserved"]),
});
const roleShape = v.looseObject({
  arn: v.string(),
  sessionName: v.string(),
  state: v.picklist(["pending", "ready", "failed"]),
});
const figures = v.looseObject({ at: v.number() });
const timelineShape = v.looseObject({ minutes: v.array(figures), latest: v.array(figures) });
const summaryShape = v.looseObject({
  version: v.string(),
  replica: v.string(),
  instance: v.string(),
  missing: v.array(v.string()),
  watchAgeSeconds: v.nullable(v.number()),
  agents: v.array(agentShape),
  pods: v.array(podShape),
  roles: v.array(roleShape),
  timeline: timelineShape,
});

/** Parses another replica's summary, which may be a version older or newer; null if it isn't one. */
export function readSummary(value: unknown): Summary | null {
  const read = v.safeParse(summaryShape, value);
  return read.success ? read.output as unknown as Summary : null;
}

function best<T>(rows: readonly T[], keyOf: (row: T) => string, worth: (row: T) => number): T[] {
  const kept = new Map<string, T>();
  for (const row of rows) {
    const held = kept.get(keyOf(row));
    if (held === undefined || worth(row) > worth(held)) kept.set(keyOf(row), row);
  }
  return [...kept.values()];
}

/** Agents report requests without a token to one replica, and to another after a while. */
function mergedPods(rows: readonly PodRow[]): PodRow[] {
  const latest = new Map<string, string>();
  for (const { uid, lastWithoutToken: at } of rows) {
    if (at && at > (latest.get(uid) ?? "")) latest.set(uid, at);
  }
  return best(rows, ({ uid }) => uid, podWorth).map((row) => {
    return { ...row, lastWithoutToken: latest.get(row.uid) ?? null };
  });
}

const podWorths = { unserved: 0, none: 1, denied: 1, pending: 2, failed: 3, ready: 4 } as const;

function podWorth({ state }: PodRow): number {
  return podWorths[state];
}

function agentKey({ node, pod }: AgentRow): string {
  return `${node} ${pod}`;
}

function agentWorth({ connectedAt, reportedAt }: AgentRow): number {
  return Date.parse(connectedAt ?? "") || (reportedAt === null ? 0 : 1);
}

function replicaRow(summary: Summary): ReplicaRow {
  const { replica, version, missing, watchAgeSeconds, certificate = null } = summary;
  return { replica, version, missing, watchAgeSeconds, certificate, problem: null };
}

function silentRow(replica: string, problem: string): ReplicaRow {
  return { replica, version: null, missing: [], watchAgeSeconds: null, certificate: null, problem };
}
