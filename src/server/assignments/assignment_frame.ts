/** An assignment (one pod's decision and credentials) and its frame for the agent. */
import type { Decision, PodFacts } from "../../policy/facts.ts";
import type { AssignFrame, CredentialsFrame } from "../../protocol/frames.ts";
import type { Credentials, CredentialState } from "../ports.ts";
import { instant } from "../../time/instant.ts";

export interface Assignment {
  readonly pod: PodFacts;
  /** Its namespace requires IMDSv2. */
  readonly imdsv2: boolean;
  readonly decision: Decision;
  /** The key of the decision's role identity; null without a role. */
  readonly key: string | null;
  /** The state of that identity's credentials; null without a role. */
  readonly credentials: CredentialState | null;
}

/** `now`: by the server's clock, in milliseconds since the epoch. */
export function assignFrame(assignment: Assignment, now: number): AssignFrame {
  const { pod, imdsv2, decision, key, credentials } = assignment;
  const head = {
    type: "assign" as const,
    pod: {
      uid: pod.uid,
      namespace: pod.namespace,
      name: pod.name,
      ips: [...pod.ips],
      hostNetwork: pod.hostNetwork,
      imdsv2,
      createdAt: pod.createdAt,
      ...pod.terminating && { terminating: true },
      ...pod.mirror !== null && { configHash: pod.mirror },
    },
  };
  if (decision.kind === "none") return { ...head, role: null };
  if (decision.kind === "denied") {
    return {
      ...head,
      denied: { reason: decision.denial.reason, message: decision.denial.message },
    };
  }
  if (credentials?.kind === "failed") {
    return { ...head, denied: { reason: "CredentialsFailed", message: credentials.message } };
  }
  const role = {
    arn: decision.identity.arn,
    name: decision.name,
    requested: decision.requested,
    identity: key ?? "",
  };
  if (credentials?.kind !== "ready") return { ...head, role };
  const { durationSeconds } = decision.identity;
  const given = credentialsFrame(credentials.credentials, durationSeconds, now);
  return { ...head, role: { ...role, credentials: given } };
}

/** Whether both make the same frame. */
export function sameAssignment(a: Assignment, b: Assignment): boolean {
  return a.key === b.key && a.imdsv2 === b.imdsv2 && a.pod.hostNetwork === b.pod.hostNetwork &&
    a.pod.terminating === b.pod.terminating &&
    a.pod.ips.join() === b.pod.ips.join() && sameDecision(a.decision, b.decision) &&
    sameState(a.credentials, b.credentials);
}

function sameDecision(a: Decision, b: Decision): boolean {
  if (a.kind === "denied" && b.kind === "denied") {
    return a.denial.reason === b.denial.reason && a.denial.message === b.denial.message;
  }
  if (a.kind === "role" && b.kind === "role") {
    return a.name === b.name && a.requested === b.requested;
  }
  return a.kind === b.kind;
}

function sameState(a: CredentialState | null, b: CredentialState | null): boolean {
  if (a?.kind === "ready" && b?.kind === "ready") {
    return a.credentials.accessKeyId === b.credentials.accessKeyId &&
      a.credentials.expiresAt === b.credentials.expiresAt;
  }
  if (a?.kind === "failed" && b?.kind === "failed") return a.message === b.message;
  return a?.kind === b?.kind;
}

/** STS grants no more than was requested: by a clock that is behind, there would be more left. */
function credentialsFrame(
  { accessKeyId, secretAccessKey, sessionToken, expiresAt, issuedAt }: Credentials,
  durationSeconds: number,
  now: number,
): CredentialsFrame {
  const left = Math.min(expiresAt - now, issuedAt + durationSeconds * 1000 - now);
  return {
    accessKeyId,
    secretAccessKey,
    sessionToken,
    expiration: instant(expiresAt),
    lastUpdated: instant(issuedAt),
    leftSeconds: Math.floor(left / 1000),
  };
}
