/**
 * This replica's data for the status page and `explain`, without secrets. Times are
 * `YYYY-MM-DDTHH:MM:SSZ`.
 */
import type { AgentReport } from "../../../protocol/frames.ts";
import type { PodFacts } from "../../../policy/facts.ts";
import type { AgentStatus } from "../../assignments/agent_streams.ts";
import type { Assigner } from "../../assignments/assigner.ts";
import { instant } from "../../../time/instant.ts";
import type { Assignment } from "../../assignments/assignment_frame.ts";
import type { ClusterIndex } from "../../cluster/cluster_index.ts";
import type { CredentialInspection } from "../../credentials/credential_reports.ts";
import type { CertificateStatus } from "../../readiness.ts";
import { type RoleRow, roleRow } from "./role_row.ts";
import { emptyTimeline, type TimelineView } from "../../timeline/timeline.ts";

/** Longer than any role ARN. */
const shownRoleText = 700;

export interface Summary {
  readonly version: string;
  readonly replica: string;
  /** Distinguishes processes of the same name. */
  readonly instance: string;
  readonly at: string;
  /** What keeps this replica from being ready; empty if it is. */
  readonly missing: readonly string[];
  readonly watchAgeSeconds: number | null;
  /** Of its listener for agents; absent from replicas of older versions. */
  readonly certificate?: { readonly expiresAt: string | null; readonly problem: string | null };
  /**
   * ARNs of the principals that the server runs as, empty until known; absent from replicas of older
   * versions.
   */
  readonly callerArns?: readonly string[];
  readonly counts: { readonly pods: number; readonly namespaces: number; readonly nodes: number };
  readonly agents: readonly AgentRow[];
  readonly pods: readonly PodRow[];
  readonly roles: readonly RoleRow[];
  readonly timeline: TimelineView;
}

export interface AgentRow {
  readonly node: string;
  readonly namespace: string;
  readonly pod: string;
  readonly connectedAt: string | null;
  readonly reportedAt: string | null;
  readonly report: AgentReport | null;
}

export interface PodRow {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly node: string | null;
  readonly serviceAccount: string;
  readonly ips: readonly string[];
  readonly hostNetwork: boolean;
  /** `unserved`: its node's agent isn't connected here. */
  readonly state: "none" | "denied" | "pending" | "ready" | "failed" | "unserved";
  readonly reason: string | null;
  readonly message: string | null;
  /** The requested role's text, from the pod, its ServiceAccount or its namespace; truncated. */
  readonly requested: string | null;
  readonly roleArn: string | null;
  readonly sessionName: string | null;
  /** Absent from replicas of older versions. */
  readonly sourceIdentity?: string | null;
  readonly accessKeyId: string | null;
  readonly issuedAt: string | null;
  readonly expiresAt: string | null;
  /** Why the latest STS call failed; null if it succeeded. */
  readonly lastFault: string | null;
  /** The next planned STS call. */
  readonly nextAttemptAt: string | null;
  /** Its latest request without a session token; absent from replicas of older versions. */
  readonly lastWithoutToken?: string | null;
}

export interface PodName {
  readonly namespace: string;
  readonly name: string;
}

interface SummaryOptions {
  readonly version: string;
  readonly replica: string;
  readonly instance: string;
  readonly now: () => number;
  readonly missing: () => readonly string[];
  readonly watchAgeSeconds: () => number;
  readonly callerArns: () => readonly string[];
  readonly index: ClusterIndex;
  readonly assigner: Assigner;
  readonly agents: () => readonly AgentStatus[];
  readonly inspect: (key: string) => CredentialInspection | undefined;
  /** By UID. */
  readonly lastWithoutToken: (uid: string) => string | null;
  readonly certificate: () => CertificateStatus;
  readonly inspectAll: () => readonly CredentialInspection[];
  readonly timeline: () => TimelineView;
}

/** With `only`, limited to one pod and the agents. */
export function summaryOf(options: SummaryOptions, only?: PodName): Summary {
  const agents = options.agents();
  const served = new Set(agents.filter((agent) => agent.streams > 0).map((agent) => agent.node));
  const age = options.watchAgeSeconds();
  return {
    version: options.version,
    replica: options.replica,
    instance: options.instance,
    at: instant(options.now()),
    missing: options.missing(),
    watchAgeSeconds: Number.isFinite(age) ? Math.round(age * 10) / 10 : null,
    certificate: certificateOf(options.certificate()),
    callerArns: options.callerArns(),
    counts: options.index.counts(),
    agents: agents.map(agentRow),
    pods: options.index.synced ? [...podRows(options, served, only)] : [],
    roles: only === undefined ? options.inspectAll().map(roleRow) : [],
    timeline: only === undefined ? options.timeline() : emptyTimeline,
  };
}

function certificateOf({ expiresAt, problem }: CertificateStatus) {
  return { expiresAt: expiresAt === null ? null : instant(expiresAt), problem };
}

function agentRow(agent: AgentStatus): AgentRow {
  const text = (at: number | null) => at === null ? null : instant(at);
  return {
    node: agent.node,
    namespace: agent.namespace,
    pod: agent.pod,
    connectedAt: text(agent.connectedAt),
    reportedAt: text(agent.reportedAt),
    report: agent.report,
  };
}

function* podRows(
  options: SummaryOptions,
  served: ReadonlySet<string>,
  only: PodName | undefined,
): Iterable<PodRow> {
  for (const pod of options.index.allPods()) {
    if (pod.terminal) continue;
    if (only !== undefined && (pod.name !== only.name || pod.namespace !== only.namespace)) {
      continue;
    }
    const assignment = options.assigner.assignmentOf(pod);
    yield {
      ...podRow(assignment, served.has(pod.nodeName ?? ""), options.inspect(assignment.key ?? "")),
      requested: requestedBy(options.assigner, pod),
      lastWithoutToken: options.lastWithoutToken(pod.uid),
    };
  }
}

/** Also for denied pods, so that a search for a role finds the pods that may not have it. */
function requestedBy(assigner: Assigner, pod: PodFacts): string | null {
  const request = assigner.requestOf(pod);
  return request.kind === "role" ? request.text.slice(0, shownRoleText) : null;
}

/** `served`: its node's agent has a stream here. */
function podRow(
  assignment: Assignment,
  served: boolean,
  inspection: CredentialInspection | undefined,
): Omit<PodRow, "requested" | "lastWithoutToken"> {
  const { pod, decision, credentials } = assignment;
  const nextAttemptAt = inspection?.nextAttemptAt ?? null;
  const role = decision.kind === "role" ? decision : null;
  const denial = decision.kind === "denied" ? decision.denial : null;
  const failed = credentials?.kind === "failed" ? credentials : null;
  const ready = credentials?.kind === "ready" ? credentials.credentials : null;
  const state = credentials?.kind ?? decision.kind;
  return {
    uid: pod.uid,
    namespace: pod.namespace,
    name: pod.name,
    node: pod.nodeName,
    serviceAccount: pod.serviceAccount,
    ips: pod.ips,
    hostNetwork: pod.hostNetwork,
    state: state === "role" || (state === "pending" && !served) ? "unserved" : state,
    reason: denial?.reason ?? (failed === null ? null : "CredentialsFailed"),
    message: denial?.message ?? failed?.message ?? null,
    roleArn: role?.identity.arn ?? null,
    sessionName: role?.identity.sessionName ?? null,
    sourceIdentity: role?.identity.sourceIdentity ?? null,
    accessKeyId: ready?.accessKeyId ?? null,
    issuedAt: ready === null ? null : instant(ready.issuedAt),
    expiresAt: ready === null ? null : instant(ready.expiresAt),
    lastFault: inspection?.lastFault?.message ?? null,
    nextAttemptAt: nextAttemptAt === null ? null : instant(nextAttemptAt),
  };
}
