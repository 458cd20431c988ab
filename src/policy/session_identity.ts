/** Builds a pod's role identity: session name, external ID, duration and tags, or a denial. */
import { denial, quoted } from "./denial_text.ts";
import { externalIdProblem } from "./external_id.ts";
import type { Denial, PodFacts, PolicySettings, RoleIdentity } from "./facts.ts";
import { podName } from "./requested_role.ts";
import { formatRoleArn, type RoleArn } from "./role_arn.ts";
import { inWords, parseSessionDuration } from "./session_duration.ts";
import { sessionName } from "./session_name.ts";
import { sessionTags } from "./session_tags.ts";

type SessionIdentity =
  | { readonly kind: "identity"; readonly identity: RoleIdentity }
  | { readonly kind: "denied"; readonly denial: Denial };

/** For a role that the pod is permitted to have. */
export function sessionIdentity(
  pod: PodFacts,
  role: RoleArn,
  settings: PolicySettings,
): SessionIdentity {
  // Empty means none, as for kiam and kube2iam.
  const externalId = pod.externalId || null;
  const problem = externalId === null ? null : externalIdProblem(externalId);
  if (problem !== null) return { kind: "denied", denial: externalIdInvalid(pod, problem) };
  const maxSeconds = Math.min(settings.sessionDurationSeconds, settings.maxSessionDurationSeconds);
  const duration = pod.sessionDuration === null
    ? { kind: "duration" as const, seconds: maxSeconds }
    : parseSessionDuration(pod.sessionDuration, maxSeconds);
  if (duration.kind === "invalid") {
    return { kind: "denied", denial: durationInvalid(pod, duration.problem, maxSeconds) };
  }
  const identity = {
    arn: formatRoleArn(role),
    sessionName: sessionNameOf(pod, role, settings),
    externalId,
    durationSeconds: duration.seconds,
    tags: settings.sessionTags ? sessionTags(pod, settings.clusterName) : [],
  };
  return { kind: "identity", identity };
}

function sessionNameOf(pod: PodFacts, role: RoleArn, settings: PolicySettings): string {
  return sessionName(pod.sessionName, settings.sessionNameTemplate, {
    namespace: pod.namespace,
    serviceAccount: pod.serviceAccount,
    pod: pod.name,
    cluster: settings.clusterName ?? "",
    role: role.name,
  });
}

function externalIdInvalid(pod: PodFacts, problem: string): Denial {
  const remedy = "write 2 to 1224 of letters, digits and _+=,.@:/-, or remove it";
  const found = `iam.amazonaws.com/external-id ${problem}`;
  return denial("ExternalIdInvalid", `${podName(pod)}: ${found}; ${remedy}`);
}

function durationInvalid(pod: PodFacts, problem: string, maxSeconds: number): Denial {
  const found = `iam.amazonaws.com/session-duration ${quoted(pod.sessionDuration ?? "", 60)}`;
  const remedy = `write a duration from 15m to ${inWords(maxSeconds)}, or remove it`;
  return denial("SessionDurationInvalid", `${podName(pod)}: ${found} ${problem}; ${remedy}`);
}
