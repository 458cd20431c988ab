/**
 * A decision as a chain of steps from pod to session: what was found at each, and the first that
 * fails with the one thing to change. The last two steps, credentials and agent, come from the
 * server. `explain` and the status page show the same value.
 */
import { quoted, shown } from "./denial_text.ts";
import {
  type Decision,
  type Denial,
  type DenialReason,
  type NamespaceFacts,
  type PodFacts,
  type RoleIdentity,
  type ServiceAccountFacts,
  tokenSubject,
} from "./facts.ts";
import { podName, type RequestedRole } from "./requested_role.ts";
import { inWords } from "./session_duration.ts";

/** The links of the chain, in order. */
export const stepNames = [
  "pod",
  "role",
  "namespace",
  "role ARN",
  "session",
  "credentials",
  "agent",
] as const;
type StepName = (typeof stepNames)[number];

export interface ExplanationStep {
  readonly step: StepName;
  /** `skipped`: an earlier step failed, or there was no server to query. */
  readonly state: "ok" | "failed" | "waiting" | "skipped";
  /** One line, or empty. */
  readonly found: string;
  /** Of a failed or waiting step; stable. */
  readonly reason?: string;
  /** The one thing to change, or to wait for. */
  readonly remedy?: string;
  /** Both in one line, as in the HTTP body, the Event and the log. */
  readonly message?: string;
}

export interface Explanation {
  readonly namespace: string;
  readonly pod: string;
  /**
   * `credentials`: the pod gets them. `permitted`: policy allows it, and the rest is unknown.
   * `waiting`: not yet. `none`: it requests no role.
   */
  readonly outcome: "credentials" | "permitted" | "waiting" | "denied" | "none";
  readonly reason: string | null;
  /** The denial's text as in the HTTP body, the Event and the log; null without a denial. */
  readonly message: string | null;
  readonly remedy: string | null;
  readonly steps: readonly ExplanationStep[];
}

/** A decision and the facts it is based on. */
interface ExplainedDecision {
  readonly pod: PodFacts;
  readonly namespace: NamespaceFacts | undefined;
  readonly serviceAccount: ServiceAccountFacts | undefined;
  readonly request: RequestedRole;
  readonly decision: Decision;
}

/** Reason for a pod that requests no role. */
const noRole = "NoRole";
/** Reason for a pod that has ended. */
const podEnded = "PodEnded";

const stepOfReason: Readonly<Record<DenialReason, StepName>> = {
  StaticPod: "pod",
  HostNetwork: "pod",
  RoleMalformed: "role",
  RoleBaseUnknown: "role",
  RoleReserved: "role",
  NamespaceUnknown: "namespace",
  PermittedAbsent: "namespace",
  PermittedEmpty: "namespace",
  PermittedInvalid: "namespace",
  NotPermitted: "role ARN",
  ExternalIdInvalid: "session",
  ExternalIdFixed: "session",
  ExternalIdNotPermitted: "session",
  AssumeRoleNotPermitted: "session",
  AssumeWithInvalid: "session",
  AssumeWithConflict: "session",
  SessionDurationInvalid: "session",
  SessionPolicyInvalid: "session",
  SessionTagsInvalid: "session",
  SourceIdentityInvalid: "session",
  SessionTooLarge: "session",
};

const policySteps = ["pod", "role", "namespace", "role ARN", "session"] as const;

/** The decision's steps, followed by `served`: credentials and agent. */
export function explained(
  decided: ExplainedDecision,
  served: readonly ExplanationStep[],
): Explanation {
  const { pod } = decided;
  const steps = [...stepsOf(decided)];
  const stopped = steps.find(({ state }) => state === "failed");
  const rest = stopped === undefined ? served : served.map(({ step }) => skipped(step));
  const all = [...steps, ...rest];
  const first = all.find(({ state }) => state === "failed" || state === "waiting");
  return {
    namespace: pod.namespace,
    pod: pod.name,
    outcome: outcomeOf(all, first),
    reason: first?.reason ?? null,
    message: first?.message ?? null,
    remedy: first?.remedy ?? null,
    steps: all,
  };
}

/** A step that wasn't reached. */
export function skipped(step: StepName, found = ""): ExplanationStep {
  return { step, state: "skipped", found };
}

function* stepsOf(decided: ExplainedDecision): Iterable<ExplanationStep> {
  const failure = failureOf(decided);
  let reached = true;
  for (const step of policySteps) {
    if (step === failure?.step) yield failure;
    else yield reached ? { step, state: "ok", found: foundAt(step, decided) } : skipped(step);
    reached &&= step !== failure?.step;
  }
}

function failureOf(
  { pod, serviceAccount, decision }: ExplainedDecision,
): ExplanationStep | undefined {
  if (pod.terminal) return ended(pod);
  if (decision.kind === "denied") return refused(decision.denial);
  return decision.kind === "none" ? roleless(serviceAccount) : undefined;
}

function refused({ reason, message }: Denial): ExplanationStep {
  const step = stepOfReason[reason];
  const at = message.lastIndexOf("; ");
  if (at < 0) return { step, state: "failed", found: message, reason, message };
  const [found, remedy] = [message.slice(0, at), message.slice(at + 2)];
  return { step, state: "failed", found, reason, remedy, message };
}

function ended(pod: PodFacts): ExplanationStep {
  const found = `${podName(pod)} has ended, so it no longer has an address`;
  return { step: "pod", state: "failed", found, reason: podEnded, remedy: "name a running pod" };
}

/** EKS's own annotation looks like a role to people, so it is mentioned. */
function roleless(serviceAccount: ServiceAccountFacts | undefined): ExplanationStep {
  const none = "no role on the pod, its ServiceAccount or its namespace, " +
    "or the first annotation found is empty";
  const irsaRole = serviceAccount?.irsaRole ?? null;
  const found = irsaRole === null
    ? none
    : `${none}; its ServiceAccount's eks.amazonaws.com/role-arn, ${
      shown(irsaRole, 140)
    }, is read only with --irsa-annotations`;
  const remedy = "annotate the pod or its ServiceAccount with iam.amazonaws.com/role";
  return { step: "role", state: "failed", found, reason: noRole, remedy };
}

function foundAt(step: (typeof policySteps)[number], decided: ExplainedDecision): string {
  const found = { pod: podFound, role: roleFound, namespace: namespaceFound };
  if (step === "role ARN" || step === "session") return sessionFound(step, decided.decision);
  return found[step](decided);
}

function podFound({ pod }: ExplainedDecision): string {
  const node = pod.nodeName === null ? "not scheduled yet" : `on node ${shown(pod.nodeName, 100)}`;
  const address = pod.ips.length === 0 ? "no address yet" : `at ${pod.ips.join(", ")}`;
  const host = pod.hostNetwork ? ", shared with its node: an address doesn't identify it" : "";
  const leaving = pod.terminating ? "; it is being deleted" : "";
  return `${node}, ${address}${host}${leaving}`;
}

function roleFound({ request }: ExplainedDecision): string {
  if (request.kind !== "role") return "left to the namespace's default";
  return `${quoted(request.text, 140)}, from ${request.setting}`;
}

function namespaceFound({ namespace }: ExplainedDecision): string {
  const permitted = namespace?.permitted ?? null;
  const lists = namespace?.allowedRoles ?? null;
  if (permitted !== null) return `${decidedName(namespace)} permits ${quoted(permitted, 200)}`;
  if (lists !== null) return `${decidedName(namespace)} lists ${quoted(lists, 200)}`;
  return decidedName(namespace);
}

function decidedName(namespace: NamespaceFacts | undefined): string {
  return shown(namespace?.name ?? "", 63);
}

function sessionFound(step: "role ARN" | "session", decision: Decision): string {
  // Denied because of its session only: the role itself is permitted.
  if (decision.kind !== "role") return "permitted by the namespace";
  return step === "role ARN" ? decision.identity.arn : sessionText(decision.identity);
}

/** What is sent to STS, in one line; never the external ID itself. */
function sessionText(identity: RoleIdentity): string {
  const { sessionName, durationSeconds, externalId, tags, sourceIdentity } = identity;
  const policies = identity.policyArns.length + (identity.policy === null ? 0 : 1);
  const parts = [
    sessionName,
    inWords(durationSeconds),
    ...(identity.assumedBy === null ? [] : [`assumed by ${identity.assumedBy.arn}`]),
    ...(identity.webIdentity === null
      ? []
      : [`with a token of ${tokenSubject(identity.webIdentity)}`]),
    ...(externalId === null ? [] : ["with an external ID"]),
    ...(sourceIdentity === null ? [] : [`source identity ${sourceIdentity}`]),
    ...(tags.length === 0 ? [] : [`tagged ${tags.map(([key]) => key).join(", ")}`]),
    ...(policies === 0
      ? []
      : [`limited by ${policies} session ${policies === 1 ? "policy" : "policies"}`]),
  ];
  return parts.join(", ");
}

function outcomeOf(
  steps: readonly ExplanationStep[],
  first: ExplanationStep | undefined,
): Explanation["outcome"] {
  if (first?.state === "waiting") return "waiting";
  if (first?.reason === noRole) return "none";
  if (first !== undefined) return "denied";
  const hasCredentials = steps.some(({ step, state }) => step === "credentials" && state === "ok");
  return hasCredentials ? "credentials" : "permitted";
}
