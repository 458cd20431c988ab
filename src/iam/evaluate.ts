/**
 * Evaluates policies against one request, by AWS's rules: an explicit deny wins, then an allow, else
 * nothing is granted
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html).
 */
import { conditionHolds, type RequestContext, requestContext } from "./conditions.ts";
import type { Matcher, PolicyDocument, PrincipalMatcher, Statement } from "./policy_document.ts";
import { matchesPieces, piecesOf } from "./wildcard.ts";

/** Who makes a request. */
export type Principal =
  | {
    readonly kind: "aws";
    readonly account: string;
    /** A session's own ARN (`arn:aws:sts::…:assumed-role/ROLE/SESSION`), or a user's. */
    readonly arn: string;
    /** The session's role, with its path; of a user the same as `arn`. */
    readonly principalArn: string;
  }
  /** A token of an OIDC provider, given by the provider's ARN. */
  | { readonly kind: "federated"; readonly provider: string }
  /** One of AWS's own, such as `pods.eks.amazonaws.com`. */
  | { readonly kind: "service"; readonly name: string };

interface AccessRequest {
  /** Such as `sts:AssumeRole`. */
  readonly action: string;
  /** An ARN. */
  readonly resource: string;
  readonly principal: Principal;
  readonly context: RequestContext;
}

/**
 * `account`: allowed for the principal's whole account, so its own policies must allow it too.
 * `principal` and `session` name it directly.
 */
export type Verdict = "deny" | "none" | "account" | "principal" | "session";

const order: readonly Verdict[] = ["none", "account", "principal", "session", "deny"];

/** The strongest statement that applies to the request. */
export function evaluate(
  policies: readonly PolicyDocument[],
  request: AccessRequest,
): Verdict {
  const verdicts = policies.flatMap((policy) =>
    policy.statements.map((statement) => verdictOf(statement, policy, request))
  );
  return verdicts.reduce((a, b) => order.indexOf(b) > order.indexOf(a) ? b : a, "none");
}

/** A token of an OIDC provider, exchanged for a role's session. */
interface WebIdentityRequest {
  /** The role's. */
  readonly arn: string;
  readonly sessionName: string;
  /** The ARN of the provider, which ends in the issuer without its scheme. */
  readonly provider: string;
  /** The token's `sub` and `aud`. */
  readonly subject: string;
  readonly audience: string;
}

/** Whether a trust policy allows AssumeRoleWithWebIdentity. */
export function allowsWebIdentity(
  trust: PolicyDocument,
  { arn, sessionName, provider, subject, audience }: WebIdentityRequest,
): boolean {
  // Condition keys begin as the provider's ARN ends.
  const prefix = provider.slice(provider.indexOf("/") + 1);
  const verdict = evaluate([trust], {
    action: "sts:AssumeRoleWithWebIdentity",
    resource: arn,
    principal: { kind: "federated", provider },
    context: requestContext({
      [`${prefix}:sub`]: [subject],
      [`${prefix}:aud`]: [audience],
      "sts:RoleSessionName": [sessionName],
      "aws:FederatedProvider": [provider],
    }),
  });
  return verdict !== "none" && verdict !== "deny";
}

function verdictOf(
  statement: Statement,
  { variables }: PolicyDocument,
  request: AccessRequest,
): Verdict {
  const { principal, action, resource, conditions } = statement;
  const named = principal === null ? "principal" : matchPrincipal(principal, request.principal);
  if (named === "none" || !matches(action, request.action, true)) return "none";
  if (resource !== null && !matches(resource, request.resource, false)) return "none";
  const holds = conditions.every((one) => conditionHolds(one, request.context, variables));
  if (!holds) return "none";
  return statement.effect === "Deny" ? "deny" : named;
}

/** Actions are compared regardless of case, resources are not. */
function matches({ negated, patterns }: Matcher, text: string, ignoreCase: boolean): boolean {
  const same = (one: string) => ignoreCase ? one.toLowerCase() : one;
  return patterns.some((one) => matchesPieces(piecesOf(same(one)), same(text))) !== negated;
}

const principalTypes = { aws: "AWS", federated: "Federated", service: "Service" } as const;

function matchPrincipal({ negated, principals }: PrincipalMatcher, caller: Principal): Verdict {
  const written = principals[principalTypes[caller.kind]] ?? [];
  const found = written.map((one) => namedBy(one, caller))
    .reduce((a, b) => order.indexOf(b) > order.indexOf(a) ? b : a, "none");
  if (negated) return found === "none" ? "account" : "none";
  return found;
}

function namedBy(written: string, caller: Principal): Verdict {
  if (caller.kind !== "aws") {
    const name = caller.kind === "federated" ? caller.provider : caller.name;
    return written === name ? "principal" : "none";
  }
  if (written === caller.arn && caller.arn !== caller.principalArn) return "session";
  if (written === "*" || written === caller.principalArn) return "principal";
  const account = /^(?:arn:[a-z-]+:iam::)?(\d{12})(?::root)?$/.exec(written)?.[1];
  return account === caller.account ? "account" : "none";
}
