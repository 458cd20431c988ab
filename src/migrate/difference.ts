/**
 * How Rolecall's answer to a pod differs from kiam's or kube2iam's, why, and how to keep the old
 * one. Pure.
 */
import type { PodWithFacts } from "../kubernetes/operations/cluster_facts.ts";
import { shown } from "../policy/denial_text.ts";
import { allows, parseAllowedRoles } from "../policy/allowed_roles.ts";
import type { Decision, PolicySettings } from "../policy/facts.ts";
import { parsePermitted } from "../policy/permitted.ts";
import {
  type OldAnswer,
  oldAnswer,
  type Predecessor,
  type PredecessorSettings,
} from "./predecessor.ts";

export const differenceKinds = {
  "loses-role": "had a role, is denied now",
  "no-role": "had a role, has none now",
  "gains-role": "had no role, gets one now",
  "other-role": "gets another role than before",
  "session-name": "gets its role under another session name",
  "external-id": "an external ID is sent now that wasn't before",
  "not-judged": "can't be compared from here",
} as const;
export type DifferenceKind = keyof typeof differenceKinds;

export interface Difference {
  readonly from: Predecessor;
  readonly kind: DifferenceKind;
  readonly namespace: string;
  readonly pod: string;
  readonly why: string;
  /** What keeps the old answer, or what to check. */
  readonly remedy: string;
}

type Found = Pick<Difference, "kind" | "why" | "remedy">;

/** How kiam or kube2iam was run, and how the server will be. */
export interface MigrationSettings {
  readonly before: PredecessorSettings;
  readonly ours: PolicySettings;
}

/** Null where the pod gets the same as before. */
export function differenceOf(
  from: Predecessor,
  facts: PodWithFacts,
  decision: Decision,
  settings: MigrationSettings,
): Difference | null {
  const old = oldAnswer(from, facts, settings.before);
  const found = compared({ from, facts, decision, old, settings });
  const { namespace, name } = facts.pod;
  return found === null ? null : { from, namespace, pod: name, ...found };
}

interface Compared {
  readonly from: Predecessor;
  readonly facts: PodWithFacts;
  readonly decision: Decision;
  readonly old: OldAnswer;
  readonly settings: MigrationSettings;
}

function compared(both: Compared): Found | null {
  const { old, decision } = both;
  if (old.kind === "unknown") return { kind: "not-judged", why: old.why, remedy: old.remedy };
  if (old.kind === "role") return roleBefore({ ...both, old });
  return decision.kind === "role" ? gains({ ...both, decision }) : null;
}

function roleBefore(
  both: Compared & { readonly old: OldAnswer & { kind: "role" } },
): Found | null {
  const { decision, facts, old } = both;
  if (decision.kind === "denied") return loses({ ...both, decision });
  if (decision.kind === "none") {
    const remedy =
      "annotate its namespace with iam.amazonaws.com/default-role and permit that role";
    return { kind: "no-role", why: `${old.arn} was the default of all pods`, remedy };
  }
  const { arn, sessionName } = decision.identity;
  if (arn !== old.arn) {
    const why = `${shown(old.arn, 140)} before, ${shown(arn, 140)} now`;
    return { kind: "other-role", why, remedy: "write the role's full ARN" };
  }
  // An ID that the server's template adds can't make a role refuse.
  if (facts.pod.externalId && old.externalId === null) {
    const why = "its iam.amazonaws.com/external-id had no effect";
    const remedy = "remove the annotation, unless the role's trust policy requires it";
    return { kind: "external-id", why, remedy };
  }
  return otherSessionName(both, old.sessionName, sessionName);
}

/** Only for pods that name their session: the others' default is one line in the hints. */
function otherSessionName(
  { facts: { pod } }: Compared,
  before: string | null,
  now: string,
): Found | null {
  if (!pod.sessionName || before === null || before === now) return null;
  const why = `${before} before, ${now} now`;
  const remedy = before.startsWith("kiam-") && before.slice("kiam-".length) === now
    ? "where a policy or query knows the name, write kiam- into the annotation itself"
    : "look for policies and queries that know the name";
  return { kind: "session-name", why, remedy };
}

function loses(
  both: Compared & {
    readonly old: OldAnswer & { kind: "role" };
    readonly decision: Decision & { kind: "denied" };
  },
): Found {
  const { decision: { denial }, from, facts: { namespace }, old } = both;
  const [found, ownRemedy] = withoutRemedy(denial.message);
  const why = `${denial.reason}: ${found}`;
  const permitted = namespace?.permitted ?? "";
  if (denial.reason === "NotPermitted" && from !== "kube2iam" && permitted !== "") {
    const better = wholeMatch(permitted, old.arn);
    return {
      kind: "loses-role",
      why: `${why}; ${permittedBefore(both, permitted)}`,
      remedy: better,
    };
  }
  if (from === "kube2iam" && /^(?:Permitted(?:Absent|Empty)|NotPermitted)$/.test(denial.reason)) {
    return { kind: "loses-role", why, remedy: permitRemedy(both) };
  }
  return { kind: "loses-role", why, remedy: ownRemedy };
}

/** How to permit the role that kube2iam gave, from its lists if it read them. */
function permitRemedy(
  { facts: { namespace }, old, settings: { before, ours } }: Compared & {
    readonly old: { readonly arn: string };
  },
): string {
  const lists = parseAllowedRoles(namespace?.allowedRoles ?? "");
  const patterns = lists.kind === "globs" ? lists.globs : [];
  if (before.restrictions === "regexp" && patterns.length > 0) {
    const whole = patterns.map((one) =>
      /^arn:/i.test(one) ? one : `${before.roleBaseArn ?? ""}${one}`
    );
    const candidates = whole.flatMap((one) => [one, `(?:${one}).*`, `.*(?:${one}).*`]);
    return "write the regular expressions of its list as iam.amazonaws.com/permitted" +
      `${suggestion(candidates, old.arn)}; --allowed-roles reads lists of globs only`;
  }
  if (!ours.honourAllowedRoles && allows(patterns, old.arn, before.roleBaseArn)) {
    return "run the server with --allowed-roles, or annotate the namespace with iam.amazonaws.com/permitted";
  }
  const wide = before.restrictions === "off" ? "; .* permits what kube2iam did" : "";
  return `annotate the namespace with iam.amazonaws.com/permitted, which has to match the role's ARN${wide}`;
}

/** Why kiam permitted it. */
function permittedBefore({ from, facts: { pod }, settings }: Compared, permitted: string): string {
  if (from === "kiam-v3") {
    const parsed = parsePermitted(permitted);
    const whole = parsed.kind === "expression" && parsed.test(pod.role ?? "");
    return whole
      ? "kiam v3 matched the annotation's own text, not the ARN"
      : "kiam v3 accepted a match anywhere in the annotation's own text";
  }
  return settings.before.strict
    ? "kiam v4 added ^ and $ around it, so in a|b each alternative was anchored on one side only"
    : "kiam v4 without strict expressions accepted a match anywhere in the ARN";
}

/** Suggests an expression that permits the role by its whole ARN, from the old one if possible. */
function wholeMatch(permitted: string, arn: string): string {
  const candidates = [`.*:role/(?:${permitted})`, `(?:${permitted}).*`, `.*(?:${permitted}).*`];
  const compiles = parsePermitted(permitted).kind === "expression";
  return `make the expression match the whole ARN${suggestion(compiles ? candidates : [], arn)}`;
}

/** The first expression that permits the ARN. */
function suggestion(candidates: readonly string[], arn: string): string {
  const good = candidates.find((text) => {
    const parsed = parsePermitted(text);
    return parsed.kind === "expression" && parsed.test(arn);
  });
  return good === undefined ? "" : `, such as ${shown(good, 200)}`;
}

function gains({ facts: { pod, serviceAccount }, old, decision, from }: Compared & {
  readonly decision: Decision & { kind: "role" };
}): Found {
  const { arn } = decision.identity;
  const why = `${shown(arn, 160)}: ${gainedBy(from, old, pod.role, serviceAccount?.role ?? null)}`;
  const remedy = pod.role === null
    ? 'if it should have none, annotate the pod with iam.amazonaws.com/role: ""'
    : "if it should not have it, narrow the namespace's iam.amazonaws.com/permitted";
  return { kind: "gains-role", why, remedy };
}

function gainedBy(
  from: Predecessor,
  old: OldAnswer,
  ofPod: string | null,
  ofAccount: string | null,
): string {
  if (ofPod === null && ofAccount !== null) return "its ServiceAccount's annotation counts now";
  if (ofPod === null) return "its namespace's iam.amazonaws.com/default-role counts now";
  const why = old.kind === "denied" ? old.why : "";
  return `${from} refused it, as ${why}; the expression matches the whole ARN`;
}

/** A denial's remedy is what follows its last semicolon. */
function withoutRemedy(message: string): readonly [found: string, remedy: string] {
  const at = message.lastIndexOf("; ");
  return at < 0 ? [message, "see why"] : [message.slice(0, at), message.slice(at + 2)];
}
