/**
 * Builds a pod's role identity: everything that is sent to STS for it, within STS's limits, or the
 * denial that says what is wrong.
 */
import { deflateRawSync } from "node:zlib";
import { assumeWith } from "./assume_with.ts";
import { type Checked, denial, passed, quoted } from "./denial_text.ts";
import type { ExternalIds } from "./external_id.ts";
import type {
  Denial,
  NamespaceFacts,
  PodFacts,
  PolicySettings,
  RoleIdentity,
  ServiceAccountFacts,
  WebIdentity,
} from "./facts.ts";
import { podName } from "./requested_role.ts";
import { formatRoleArn, type RoleArn } from "./role_arn.ts";
import { inWords, parseSessionDuration } from "./session_duration.ts";
import { sessionName } from "./session_name.ts";
import { sessionPolicies } from "./session_policies.ts";
import { sessionTags, sourceIdentityOf } from "./session_tags.ts";
import type { TemplateValues } from "./template.ts";
import { chainedSeconds, trustRole, type TrustRoleRules } from "./trust_role.ts";

export interface SessionRules {
  readonly settings: PolicySettings;
  readonly externalIds: ExternalIds;
  readonly trustRoles: TrustRoleRules;
}

/** A role that the pod is permitted to have, with the facts around the pod. */
interface PermittedRole {
  readonly pod: PodFacts;
  readonly namespace: NamespaceFacts;
  readonly account: ServiceAccountFacts | undefined;
  readonly role: RoleArn;
}

export function sessionIdentity(
  permitted: PermittedRole,
  rules: SessionRules,
): Checked<RoleIdentity> {
  const webIdentity = assumeWith(permitted.pod, permitted.namespace, rules.settings);
  if (webIdentity.denial !== null) return webIdentity;
  return webIdentity.value === null
    ? serverIdentity(permitted, rules)
    : webIdentityOf(permitted, webIdentity.value, rules.settings);
}

/** Assumed with the ServiceAccount's token: the session isn't chained, whatever the server runs as. */
function webIdentityOf(
  { pod, namespace, account, role }: PermittedRole,
  webIdentity: WebIdentity,
  settings: PolicySettings,
): Checked<RoleIdentity> {
  const duration = durationOf(pod, settings.sessionDurationSeconds);
  if (duration.denial !== null) return duration;
  const policies = sessionPolicies(pod, namespace, account, role);
  if (policies.denial !== null) return policies;
  const identity = {
    arn: formatRoleArn(role),
    sessionName: sessionName(
      pod.sessionName,
      settings.sessionNameTemplate,
      valuesOf(pod, role, settings),
    ),
    externalId: null,
    durationSeconds: duration.value,
    tags: [],
    transitiveTagKeys: [],
    sourceIdentity: null,
    ...policies.value,
    assumedBy: null,
    webIdentity,
  };
  return isTooLarge(identity) ? { denial: tooLarge(pod) } : passed(identity);
}

function serverIdentity(permitted: PermittedRole, rules: SessionRules): Checked<RoleIdentity> {
  const { pod, namespace, role } = permitted;
  const { settings } = rules;
  const externalIds = rules.externalIds.idsOf(pod, namespace);
  if (externalIds.denial !== null) return externalIds;
  const first = trustRole(namespace, externalIds.value.trustRole, rules.trustRoles);
  if (first.denial !== null) return first;
  const maxSeconds = Math.min(
    settings.sessionDurationSeconds,
    settings.maxSessionDurationSeconds,
    first.value === null ? Infinity : chainedSeconds,
  );
  const duration = durationOf(pod, maxSeconds);
  if (duration.denial !== null) return duration;
  const labels = labelsOf(pod, role, settings);
  if (labels.denial !== null) return labels;
  const policies = sessionPolicies(pod, namespace, permitted.account, role);
  if (policies.denial !== null) return policies;
  const identity = {
    arn: formatRoleArn(role),
    externalId: externalIds.value.role,
    durationSeconds: duration.value,
    ...labels.value,
    transitiveTagKeys: settings.transitiveTagKeys,
    ...policies.value,
    assumedBy: first.value,
    webIdentity: null,
  };
  return isTooLarge(identity) ? { denial: tooLarge(pod) } : passed(identity);
}

/** Session name, tags and source identity: what the operator's templates make of the pod. */
function labelsOf(pod: PodFacts, role: RoleArn, settings: PolicySettings) {
  const values = valuesOf(pod, role, settings);
  const tags = sessionTags(settings.sessionTags, values, pod);
  if (tags.denial !== null) return tags;
  const sourceIdentity = sourceIdentityOf(settings.sourceIdentityTemplate, values, pod);
  if (sourceIdentity.denial !== null) return sourceIdentity;
  return passed({
    sessionName: sessionName(pod.sessionName, settings.sessionNameTemplate, values),
    tags: tags.value,
    sourceIdentity: sourceIdentity.value,
  });
}

function valuesOf(pod: PodFacts, role: RoleArn, settings: PolicySettings): TemplateValues {
  return {
    namespace: pod.namespace,
    serviceAccount: pod.serviceAccount,
    pod: pod.name,
    uid: pod.uid,
    cluster: settings.clusterName ?? "",
    role: role.name,
  };
}

function durationOf(pod: PodFacts, maxSeconds: number): Checked<number> {
  if (pod.sessionDuration === null) return passed(maxSeconds);
  const parsed = parseSessionDuration(pod.sessionDuration, maxSeconds);
  if (parsed.kind === "duration") return passed(parsed.seconds);
  const found = `iam.amazonaws.com/session-duration ${quoted(pod.sessionDuration, 60)}`;
  const remedy = `write a duration from 15m to ${inWords(maxSeconds)}, or remove it`;
  const message = `${podName(pod)}: ${found} ${parsed.problem}; ${remedy}`;
  return { denial: denial("SessionDurationInvalid", message) };
}

/**
 * STS also limits tags and policies in a packed form whose format AWS doesn't publish. EKS's six tags,
 * some 300 characters, take 74 % of it (aws/containers-roadmap 2413), so what deflates to more than
 * 1 KiB is certainly too large; STS reports what is between.
 */
function isTooLarge({ tags, policyArns, policy }: RoleIdentity): boolean {
  const text = [...tags.flat(), ...policyArns, policy ?? ""].join("\n");
  return text.length > 1024 && deflateRawSync(text).length > 1024;
}

function tooLarge(pod: PodFacts): Denial {
  const found = `${
    podName(pod)
  }: its session tags and session policies together are too large for STS`;
  return denial("SessionTooLarge", `${found}; remove some of them or shorten them`);
}
