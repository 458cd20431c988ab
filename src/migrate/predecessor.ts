/**
 * What kiam and kube2iam answered a pod, from the same annotations, according to their source code
 * (uswitch/kiam v3.6 and v4.2, jtblin/kube2iam 0.13). A role that AWS would have refused counts as
 * no role.
 */
import { RE2JS } from "re2js";
import type { PodWithFacts } from "../kubernetes/operations/cluster_facts.ts";
import { globMatches, parseAllowedRoles } from "../policy/allowed_roles.ts";
import { parseRoleArn } from "../policy/role_arn.ts";

const predecessors = ["kiam-v3", "kiam-v4", "kube2iam"] as const;
export type Predecessor = (typeof predecessors)[number];

/** How the predecessor was run. */
export interface PredecessorSettings {
  /** `--role-base-arn`, `--base-role-arn`, or what was autodetected; null = not known here. */
  readonly roleBaseArn: string | null;
  /** kiam's `--session`. */
  readonly session: string;
  /** kiam v4 without `--disable-strict-namespace-regexp`. */
  readonly strict: boolean;
  /** kube2iam's `--default-role`; null = none. */
  readonly defaultRole: string | null;
  /** kube2iam's `--namespace-restrictions` and their format. */
  readonly restrictions: "off" | "glob" | "regexp";
}

export type OldAnswer =
  | { readonly kind: "none" }
  | { readonly kind: "denied"; readonly why: string }
  /** Not known from here, and what would make it known. */
  | { readonly kind: "unknown"; readonly why: string; readonly remedy: string }
  | {
    readonly kind: "role";
    readonly arn: string;
    /** Null if it differs randomly from pod to pod. */
    readonly sessionName: string | null;
    readonly externalId: string | null;
  };

export function oldAnswer(
  from: Predecessor,
  facts: PodWithFacts,
  settings: PredecessorSettings,
): OldAnswer {
  if (facts.pod.hostNetwork) {
    return { kind: "denied", why: "its requests reach the node's own metadata service" };
  }
  if (from === "kube2iam") return kube2iamAnswer(facts, settings);
  return kiamAnswer(from, facts, settings);
}

/** Whether kiam's expression let the role pass: in strict v4 with ^ and $ added, otherwise anywhere. */
function kiamPermits(
  from: "kiam-v3" | "kiam-v4",
  expression: string,
  role: { readonly written: string; readonly arn: string },
  strict: boolean,
): boolean | null {
  if (from === "kiam-v3") return searches(expression, role.written);
  return searches(strict ? `^${expression}$` : expression, role.arn);
}

function kiamAnswer(
  from: "kiam-v3" | "kiam-v4",
  { pod, namespace }: PodWithFacts,
  settings: PredecessorSettings,
): OldAnswer {
  if (pod.role === null || pod.role === "") return { kind: "none" };
  const arn = kiamArn(pod.role, settings.roleBaseArn);
  if (arn === null) return baseUnknown;
  if (parseRoleArn(arn).kind !== "role") return { kind: "denied", why: "STS refuses its role" };
  const permitted = namespace?.permitted ?? "";
  if (permitted === "") return { kind: "denied", why: "the namespace permits nothing" };
  const verdict = kiamPermits(from, permitted, { written: pod.role, arn }, settings.strict);
  if (verdict === null) return uncompiled(permitted);
  if (!verdict) return { kind: "denied", why: "the namespace doesn't permit it" };
  const annotated = from === "kiam-v4" ? pod.sessionName : null;
  return {
    kind: "role",
    arn,
    sessionName: kiamSessionName(annotated || settings.session),
    externalId: from === "kiam-v4" ? pod.externalId || null : null,
  };
}

const baseUnknown: OldAnswer = {
  kind: "unknown",
  why: "its role is named without arn:",
  remedy: "give --role-base-arn, as kiam or kube2iam had it",
};

/** kiam answered 500. Go's engine compiles some Unicode classes that this one rejects. */
function uncompiled(expression: string): OldAnswer {
  if (/\\p/i.test(expression)) {
    const why = "its namespace's expression has Unicode classes that only Go knows";
    return { kind: "unknown", why, remedy: "list the characters instead" };
  }
  return { kind: "denied", why: "kiam fails on its namespace's expression" };
}

/** `arn:` as it is; else one leading slash off, behind the base (kiam pkg/aws/sts/arn_resolver.go). */
function kiamArn(role: string, base: string | null): string | null {
  if (role.startsWith("arn:")) return role;
  return base === null ? null : base + role.replace(/^\//, "");
}

/** kiam pkg/aws/sts/cache.go: beyond 64 characters cut to 63. */
function kiamSessionName(text: string): string {
  const name = `kiam-${text}`;
  return (name.length > 64 ? name.slice(0, 63) : name).replace(/[^\w+=,.@-]/g, "-");
}

function kube2iamAnswer(
  { pod, namespace }: PodWithFacts,
  { roleBaseArn: base, defaultRole, restrictions }: PredecessorSettings,
): OldAnswer {
  const written = pod.role ?? defaultRole;
  if (written === null || written === "") return { kind: "none" };
  const arn = kube2iamArn(written, base);
  if (arn === null) return baseUnknown;
  if (parseRoleArn(arn).kind !== "role") return { kind: "denied", why: "STS refuses its role" };
  const isDefault = defaultRole !== null && arn === kube2iamArn(defaultRole, base);
  if (restrictions !== "off" && !isDefault) {
    const lists = parseAllowedRoles(namespace?.allowedRoles ?? "");
    const patterns = lists.kind === "globs" ? lists.globs : [];
    const allowed = patterns.some((pattern) => {
      const whole = kube2iamArn(pattern, base) ?? pattern;
      return restrictions === "glob" ? globMatches(whole, arn) : searches(whole, arn) === true;
    });
    if (!allowed) return { kind: "denied", why: "the namespace doesn't list it" };
  }
  return { kind: "role", arn, sessionName: null, externalId: pod.externalId || null };
}

function kube2iamArn(role: string, base: string | null): string | null {
  if (/^arn:/i.test(role)) return role;
  return base === null ? null : base + role;
}

/** Whether any part of the text matches; null for what doesn't compile. */
function searches(expression: string, text: string): boolean | null {
  try {
    return RE2JS.compile(expression).matcher(text).find();
  } catch {
    return null;
  }
}
