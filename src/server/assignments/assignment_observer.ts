/**
 * Reports changes of assignments: Events on the pod, the timeline, and an audit log line for each set
 * of credentials, which can be joined with CloudTrail. Only the replica that serves a node's agent
 * has its assignments, so only one replica reports.
 */
import {
  type Denial,
  type DenialReason,
  type NamespaceFacts,
  type RoleIdentity,
  tokenSubject,
} from "../../policy/facts.ts";
import type { ClusterIndex } from "../cluster/cluster_index.ts";
import { instant } from "../../time/instant.ts";
import type { Assignment } from "./assignment_frame.ts";
import type { EventReason, ObjectEvents } from "./object_events.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Clock } from "../../time/clock.ts";
import type { Timeline } from "../timeline/timeline.ts";
import { deniedEvent } from "../timeline/timeline_events.ts";

/** Older pods got their CredentialsReady from an earlier server process. */
const youngMs = 15 * 60_000;

/** The Event for a denial. RoleBaseUnknown isn't the pod's fault: STS can't be reached. */
const eventOfDenial: Readonly<Record<DenialReason, EventReason>> = {
  StaticPod: "RoleDenied",
  HostNetwork: "RoleDenied",
  NamespaceUnknown: "RoleDenied",
  RoleMalformed: "RoleInvalid",
  RoleBaseUnknown: "CredentialsFailed",
  RoleReserved: "RoleDenied",
  PermittedAbsent: "RoleDenied",
  PermittedEmpty: "RoleDenied",
  PermittedInvalid: "RoleDenied",
  NotPermitted: "RoleDenied",
  ExternalIdInvalid: "RoleInvalid",
  ExternalIdFixed: "RoleDenied",
  ExternalIdNotPermitted: "RoleDenied",
  AssumeRoleNotPermitted: "RoleDenied",
  AssumeWithInvalid: "RoleInvalid",
  AssumeWithConflict: "RoleInvalid",
  SessionDurationInvalid: "RoleInvalid",
  SessionPolicyInvalid: "RoleInvalid",
  SessionTagsInvalid: "RoleInvalid",
  SourceIdentityInvalid: "RoleInvalid",
  SessionTooLarge: "RoleInvalid",
};

interface AssignmentObserverOptions {
  readonly index: ClusterIndex;
  readonly events: ObjectEvents;
  readonly log: Log;
  readonly clock: Clock;
  readonly timeline: Timeline;
}

export function assignmentObserver(
  options: AssignmentObserverOptions,
): (now: Assignment, before: Assignment | undefined) => void {
  return (now, before) => {
    audit(options.log, now, before);
    // Its namespace or ServiceAccount may be deleted before it is: not a denial to report.
    if (now.pod.terminating || options.index.isEnding(now.pod.namespace)) return;
    sendEvents(options, now, before);
    recordDenial(options, now, before);
  };
}

function sendEvents(
  options: AssignmentObserverOptions,
  now: Assignment,
  before: Assignment | undefined,
) {
  const { events, clock } = options;
  const { pod, decision, credentials } = now;
  if (decision.kind === "denied") {
    events.onPod(pod, eventOfDenial[decision.denial.reason], decision.denial.message);
  }
  const failure = failureOf(now);
  if (failure !== undefined) events.onPod(pod, "CredentialsFailed", failure);
  const recovered = before !== undefined && failureOf(before) !== undefined;
  const young = clock.now() - Date.parse(pod.createdAt) < youngMs;
  if (credentials?.kind === "ready" && decision.kind === "role" && (recovered || young)) {
    events.onPod(pod, "CredentialsReady", `credentials of ${decision.identity.arn} are ready`);
  }
}

/** Why the pod has no credentials although its role is permitted. */
function failureOf({ decision, credentials }: Assignment): string | undefined {
  if (credentials?.kind === "failed") return credentials.message;
  if (credentials?.kind === "pending") return credentials.problem;
  if (decision.kind !== "denied" || decision.denial.reason !== "RoleBaseUnknown") return undefined;
  return decision.denial.message;
}

function recordDenial(
  { log, timeline }: AssignmentObserverOptions,
  { pod, decision }: Assignment,
  before: Assignment | undefined,
): void {
  if (decision.kind !== "denied") return;
  const { reason, message } = decision.denial;
  if (before?.decision.kind === "denied" && before.decision.denial.message === message) return;
  timeline.add(deniedEvent(pod, reason));
  log.info(
    { podUid: pod.uid, pod: `${pod.namespace}/${pod.name}`, reason, message },
    "role denied",
  );
}

function audit(log: Log, now: Assignment, before: Assignment | undefined): void {
  const { pod, decision, credentials } = now;
  if (decision.kind !== "role" || credentials?.kind !== "ready") return;
  const { accessKeyId, expiresAt } = credentials.credentials;
  const earlier = before?.credentials?.kind === "ready" ? before.credentials.credentials : null;
  if (earlier?.accessKeyId === accessKeyId && before?.key === now.key) return;
  log.info({
    podUid: pod.uid,
    pod: `${pod.namespace}/${pod.name}`,
    serviceAccount: pod.serviceAccount,
    node: pod.nodeName,
    roleArn: decision.identity.arn,
    ...sessionFields(decision.identity),
    accessKeyId,
    expiration: instant(expiresAt),
  }, "credentials issued");
}

/** What CloudTrail's entry has in requestParameters, except the external ID. */
function sessionFields(identity: RoleIdentity) {
  const { sessionName, externalId, sourceIdentity, tags, policyArns, policy, assumedBy } = identity;
  const { webIdentity } = identity;
  return {
    sessionName,
    ...(webIdentity !== null && { tokenSubject: tokenSubject(webIdentity) }),
    ...(assumedBy !== null && { assumedBy: assumedBy.arn }),
    ...(externalId !== null && { externalIdSent: true }),
    ...(sourceIdentity !== null && { sourceIdentity }),
    ...(tags.length > 0 && { sessionTags: Object.fromEntries(tags) }),
    ...(policyArns.length > 0 && { sessionPolicyArns: policyArns }),
    ...(policy !== null && { sessionPolicySent: true }),
  };
}

interface NamespaceReportOptions {
  readonly index: ClusterIndex;
  readonly events: ObjectEvents;
  readonly problemOf: (namespace: NamespaceFacts) => Denial | null;
}

/**
 * Sends an Event for each namespace with an invalid annotation. Every replica sends the same Event;
 * the API server keeps one.
 */
export function reportNamespaces({ index, events, problemOf }: NamespaceReportOptions): void {
  index.subscribe({
    namespaceChanged: (name) => {
      const namespace = index.namespace(name);
      const problem = namespace === undefined ? null : problemOf(namespace);
      if (problem !== null) events.onNamespace(name, "PermittedInvalid", problem.message);
    },
  });
}
