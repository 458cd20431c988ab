/**
 * Parses IAM's JSON policy documents: trust policies, permissions policies and session policies
 * (grammar: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html).
 * `evaluate.ts` evaluates them.
 */
import * as v from "valibot";
import { parsedJson } from "../net/json.ts";
import { type Condition, conditionProblem } from "./conditions.ts";

/** What a policy is attached to: trust policies name principals, the others name resources. */
export type PolicyKind = "trust" | "permissions";

/** An element that may be written as `Action` or as `NotAction`. */
export interface Matcher {
  readonly negated: boolean;
  readonly patterns: readonly string[];
}

export interface PrincipalMatcher {
  readonly negated: boolean;
  /** By type: `AWS`, `Federated`, `Service`. `*` alone is `AWS: ["*"]`. */
  readonly principals: Readonly<Partial<Record<PrincipalType, readonly string[]>>>;
}

type PrincipalType = "AWS" | "Federated" | "Service";

export interface Statement {
  readonly effect: "Allow" | "Deny";
  readonly principal: PrincipalMatcher | null;
  readonly action: Matcher;
  /** Null in a trust policy: the role is the resource. */
  readonly resource: Matcher | null;
  readonly conditions: readonly Condition[];
}

export interface PolicyDocument {
  /** Version 2012-10-17 has policy variables such as `${aws:PrincipalTag/team}`; 2008-10-17 has none. */
  readonly variables: boolean;
  readonly statements: readonly Statement[];
}

type ParsedPolicy =
  | { readonly kind: "policy"; readonly policy: PolicyDocument }
  | { readonly kind: "invalid"; readonly problem: string };

const oneOrMore = v.union([
  v.pipe(v.string(), v.transform((text) => [text])),
  v.array(v.string()),
]);
const scalar = v.pipe(v.union([v.string(), v.boolean(), v.number()]), v.transform(String));
const values = v.union([v.pipe(scalar, v.transform((text) => [text])), v.array(scalar)]);
const principals = v.union([
  v.pipe(v.literal("*"), v.transform(() => ({ AWS: ["*"] }))),
  v.strictObject({
    AWS: v.optional(oneOrMore),
    Federated: v.optional(oneOrMore),
    Service: v.optional(oneOrMore),
  }),
]);
const statement = v.strictObject({
  Sid: v.optional(v.string()),
  Effect: v.picklist(["Allow", "Deny"]),
  Principal: v.optional(principals),
  NotPrincipal: v.optional(principals),
  Action: v.optional(oneOrMore),
  NotAction: v.optional(oneOrMore),
  Resource: v.optional(oneOrMore),
  NotResource: v.optional(oneOrMore),
  Condition: v.optional(v.record(v.string(), v.record(v.string(), values)), {}),
});
const document = v.strictObject({
  Version: v.optional(v.picklist(["2012-10-17", "2008-10-17"]), "2008-10-17"),
  Id: v.optional(v.string()),
  Statement: v.union([v.pipe(statement, v.transform((one) => [one])), v.array(statement)]),
});
type WrittenStatement = v.InferOutput<typeof statement>;

/** `written` is the document as JSON text or already decoded. */
export function parsePolicy(written: unknown, kind: PolicyKind): ParsedPolicy {
  const parsed = v.safeParse(document, typeof written === "string" ? parsedJson(written) : written);
  if (!parsed.success) return { kind: "invalid", problem: firstIssue(parsed.issues[0]) };
  const { Version, Statement } = parsed.output;
  for (const [index, one] of Statement.entries()) {
    const problem = statementProblem(one, kind);
    if (problem !== null) return { kind: "invalid", problem: `Statement[${index}] ${problem}` };
  }
  const policy = { variables: Version === "2012-10-17", statements: Statement.map(statementOf) };
  return { kind: "policy", policy };
}

function firstIssue(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue);
  if (path === null) return "is not a JSON object with Version and Statement";
  const found = issue.received === "undefined" ? "missing" : issue.received;
  return `${path} is ${found}: expected ${issue.expected ?? "nothing there"}`;
}

function statementProblem(one: WrittenStatement, kind: PolicyKind): string | null {
  if ((one.Action === undefined) === (one.NotAction === undefined)) {
    return "needs either Action or NotAction";
  }
  const principal = one.Principal ?? one.NotPrincipal;
  const resource = one.Resource ?? one.NotResource;
  if (kind === "trust" && principal === undefined) return "needs Principal: it is a trust policy";
  if (kind === "trust" && resource !== undefined) return "has Resource: a trust policy has none";
  if (kind === "permissions" && principal !== undefined) {
    return "has Principal: only trust policies do";
  }
  if (kind === "permissions" && resource === undefined) return "needs Resource";
  const wildcard = principal?.AWS?.find((text) => text !== "*" && /[*?]/.test(text));
  if (wildcard !== undefined) return `has Principal ${wildcard}: IAM allows no wildcards there`;
  return conditionsOf(one).map(conditionProblem).find((problem) => problem !== null) ?? null;
}

function statementOf(one: WrittenStatement): Statement {
  const principal = one.Principal ?? one.NotPrincipal;
  const resource = one.Resource ?? one.NotResource;
  return {
    effect: one.Effect,
    principal: principal === undefined ? null : {
      negated: one.Principal === undefined,
      principals: principal as PrincipalMatcher["principals"],
    },
    action: { negated: one.Action === undefined, patterns: one.Action ?? one.NotAction ?? [] },
    resource: resource === undefined
      ? null
      : { negated: one.Resource === undefined, patterns: resource },
    conditions: conditionsOf(one),
  };
}

function conditionsOf({ Condition }: WrittenStatement): Condition[] {
  return Object.entries(Condition).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, values]) => ({ operator, key, values }))
  );
}
