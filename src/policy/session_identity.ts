/** As whom a pod assumes its role: session name, external ID, duration and tags, or why it can't. */
import { denial, quoted } from "./denial_text.ts";
import { externalIdProblem } from "./external_id.ts";
import type { Denial, PodFacts, PolicySettings, RoleIdentity } from "./facts.ts";
import { podName } from "./requested_role.ts";
import { formatRoleArn, type RoleArn } from "./role_arn.ts";
import { inWords, parseSessionDuration } from "./session_duration.ts";
import { sessionName } from "./session_name.ts";
import { sessionTags } from "./session_tags.ts";

export type SessionIdentity =
  | { readonly kind: "identity"; readonly identity: RoleIdentity }
  | { readonly kind: "denied"; readonly denial: Denial };

/** The identity of the pod's sessions in a role that it may have. */
export function sessionIdentity(
  pod: PodFacts,
  role: RoleArn,
  settings: PolicySettings,
): SessionIdentity {
  const { externalId } = pod;
  const problem = externalId === null ? null : externalIdProblem(externalId);
  if (problem !== null) return { kind: "denied", denial: externalIdInvalid(pod, problem) };
  const most = Math.min(settings.sessionDurationSeconds, settings.maxSessionDurationSeconds);
  const duration = pod.sessionDuration === null
    ? { kind: "duration" as const, seconds: most }
    : parseSessionDuration(pod.sessionDuration, most);
  if (duration.kind === "invalid") {
    return { kind: "denied", denial: durationInvalid(pod, duration.problem, most) };
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

function durationInvalid(pod: PodFacts, problem: string, most: number): Denial {
  const found = `iam.amazonaws.com/session-duration ${quoted(pod.sessionDuration ?? "", 60)}`;
  const remedy = `write a duration from 15m to ${inWords(most)}, or remove it`;
  return denial("SessionDurationInvalid", `${podName(pod)}: ${found} ${problem}; ${remedy}`);
}
