/**
 * What people are told when an assignment changes: Events on the pod, and the audit log's line for
 * each credential that a pod gets, by which CloudTrail can be joined. Only the replica that serves
 * a node's agent has its assignments, so one replica tells.
 */
import type { DenialReason } from "../../policy/facts.ts";
import { type Assignment, instant } from "./assignment_frame.ts";
import type { EventReason, ObjectEvents } from "./object_events.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Clock } from "../../time/clock.ts";
import type { Timeline } from "../timeline/timeline.ts";
import { deniedEvent } from "../timeline/timeline_events.ts";

/** Older pods had their CredentialsReady before this server started. */
const youngMs = 15 * 60_000;

/** What a denial is called on the pod; null where it's the server that lacks something. */
const eventOfDenial: Readonly<Record<DenialReason, EventReason | null>> = {
  StaticPod: "RoleDenied",
  NamespaceUnknown: "RoleDenied",
  RoleMalformed: "RoleInvalid",
  RoleBaseUnknown: null,
  RoleReserved: "RoleDenied",
  PermittedAbsent: "RoleDenied",
  PermittedEmpty: "RoleDenied",
  PermittedInvalid: "RoleDenied",
  NotPermitted: "RoleDenied",
  ExternalIdInvalid: "RoleInvalid",
  SessionDurationInvalid: "RoleInvalid",
};

interface AssignmentNewsOptions {
  readonly events: ObjectEvents;
  readonly log: Log;
  readonly clock: Clock;
  readonly timeline: Timeline;
}

export function assignmentNews(
  options: AssignmentNewsOptions,
): (now: Assignment, before: Assignment | undefined) => void {
  return (now, before) => {
    tellEvent(options, now, before);
    audit(options.log, now, before);
    noteDenial(options, now, before);
  };
}

function tellEvent(
  options: AssignmentNewsOptions,
  now: Assignment,
  before: Assignment | undefined,
) {
  const { events, clock } = options;
  const { pod, decision, credentials } = now;
  if (decision.kind === "denied") {
    const reason = eventOfDenial[decision.denial.reason];
    if (reason !== null) events.onPod(pod, reason, decision.denial.message);
  }
  if (credentials?.kind === "failed") {
    events.onPod(pod, "CredentialsFailed", credentials.message);
  }
  const recovered = before?.credentials?.kind === "failed";
  const young = clock.now() - Date.parse(pod.createdAt) < youngMs;
  if (credentials?.kind === "ready" && decision.kind === "role" && (recovered || young)) {
    events.onPod(pod, "CredentialsReady", `credentials of ${decision.identity.arn} are ready`);
  }
}

function noteDenial(
  { log, timeline }: AssignmentNewsOptions,
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
    sessionName: decision.identity.sessionName,
    accessKeyId,
    expiration: instant(expiresAt),
  }, "credentials issued");
}
