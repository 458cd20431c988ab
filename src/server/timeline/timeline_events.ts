/** Converts reports and denials to timeline events. */
import type { DenialReason, PodFacts } from "../../policy/facts.ts";
import type { FaultReport, IssuedReport } from "../credentials/credential_reports.ts";
import type { TimelineEvent } from "./timeline.ts";

export function issuedEvent({ arn, sessionName, renewal, holders }: IssuedReport): TimelineEvent {
  return {
    kind: renewal ? "renewed" : "issued",
    ...session(arn, sessionName),
    pods: holders.length,
    reason: null,
  };
}

/** `reason` is the fault's code. */
export function failedEvent({ arn, sessionName, fault, holders }: FaultReport): TimelineEvent {
  const pods = holders.length;
  return { kind: "failed", ...session(arn, sessionName), pods, reason: fault.code };
}

export function deniedEvent({ namespace, name }: PodFacts, reason: DenialReason): TimelineEvent {
  return {
    kind: "denied",
    roleArn: null,
    sessionName: null,
    namespace,
    pod: name,
    pods: 1,
    reason,
  };
}

function session(roleArn: string, sessionName: string) {
  return { roleArn, sessionName, namespace: null, pod: null };
}
