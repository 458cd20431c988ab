/**
 * Session policies: managed ones from the namespace, the ServiceAccount and the pod together, and an
 * inline one from the namespace. A session may do what the role allows and any of them allows; none
 * can give it more than the role has.
 */
import * as v from "valibot";
import { type Checked, denial, passed, quoted } from "./denial_text.ts";
import type { Denial, NamespaceFacts, PodFacts, ServiceAccountFacts } from "./facts.ts";
import { namespaceName, podName, serviceAccountName } from "./requested_role.ts";
import type { RoleArn } from "./role_arn.ts";
import { cachedByText } from "./text_cache.ts";

interface SessionPolicies {
  /** Sorted, each once. */
  readonly policyArns: readonly string[];
  readonly policy: string | null;
}

const arnsKey = "iam.amazonaws.com/session-policy-arns";
const inlineKey = "iam.amazonaws.com/session-policy";
/** AssumeRole's limits: PolicyArns, and the characters of Policy and PolicyArns together. */
const maxArns = 10;
const maxCharacters = 2048;

/** Checks inline policies; keeps the latest results. */
const inlineProblems = cachedByText((text) => ({ problem: policyProblem(text) }));

export function sessionPolicies(
  pod: PodFacts,
  namespace: NamespaceFacts,
  account: ServiceAccountFacts | undefined,
  role: RoleArn,
): Checked<SessionPolicies> {
  const written = [
    [namespaceName(namespace.name), namespace.sessionPolicyArns],
    [serviceAccountName(pod), account?.sessionPolicyArns ?? null],
    [podName(pod), pod.sessionPolicyArns],
  ] as const;
  const lists = written.map(([where, text]) => [where, arnsOf(text ?? "")] as const);
  for (const [where, arns] of lists) {
    const wrong = arns.find((arn) => !isPolicyArn(arn, role));
    if (wrong !== undefined) return { denial: notAPolicy(where, wrong, role) };
  }
  const policyArns = [...new Set(lists.flatMap(([, arns]) => arns))].toSorted();
  const policy = namespace.sessionPolicy || null;
  const problem = policy === null ? null : inlineProblems(policy).problem;
  if (problem !== null) return { denial: inlineInvalid(namespace, problem) };
  const denied = tooMuch(pod, { policyArns, policy });
  return denied === null ? passed({ policyArns, policy }) : { denial: denied };
}

function arnsOf(text: string): string[] {
  return text.split(",").map((arn) => arn.trim()).filter((arn) => arn !== "");
}

/** STS takes policies of the role's own account, and AWS's. */
function isPolicyArn(arn: string, { partition, account }: RoleArn): boolean {
  if (arn.length > maxCharacters) return false;
  const parts = /^arn:([a-z-]+):iam::([0-9]{12}|aws):policy\/[\x21-\x7e]+$/.exec(arn);
  return parts?.[1] === partition && (parts[2] === account || parts[2] === "aws");
}

const matcher = v.union([v.string(), v.array(v.string())]);
const statement = v.pipe(
  v.looseObject({
    Effect: v.picklist(["Allow", "Deny"]),
    Principal: v.optional(v.undefined()),
    NotPrincipal: v.optional(v.undefined()),
    Action: v.optional(matcher),
    NotAction: v.optional(matcher),
    Resource: v.optional(matcher),
    NotResource: v.optional(matcher),
  }),
  v.check((one) => (one.Action === undefined) !== (one.NotAction === undefined)),
  v.check((one) => (one.Resource === undefined) !== (one.NotResource === undefined)),
);
const document = v.looseObject({
  Version: v.optional(v.picklist(["2012-10-17", "2008-10-17"])),
  Statement: v.union([v.pipe(v.array(statement), v.nonEmpty()), statement]),
});

/** What STS would call malformed, as far as that shows without IAM. */
function policyProblem(text: string): string | null {
  if (text.length > maxCharacters) return `is longer than ${maxCharacters} characters`;
  // The characters of AssumeRole's Policy.
  if (!/^[\t\n\r\x20-\xff]*$/.test(text)) return "contains a character that STS doesn't accept";
  const parsed = json(text);
  if (parsed === undefined) return "is not JSON";
  const twice = repeatedKey(text);
  if (twice !== null) return `has ${quoted(twice, 60)} twice in one object`;
  return v.safeParse(document, parsed).success
    ? null
    : "is not an IAM policy: it needs Statement, each with Effect, Action and Resource, no Principal";
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * IAM refuses it (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_policies.html), where
 * JSON.parse silently takes the last. `text` is valid JSON.
 */
function repeatedKey(text: string): string | null {
  const open: Set<string>[] = [];
  for (const [token, key] of text.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token === "{") open.push(new Set());
    else if (token === "}") open.pop();
    else if (key !== undefined) {
      const name = JSON.parse(key);
      if (open.at(-1)?.has(name)) return name;
      open.at(-1)?.add(name);
    }
  }
  return null;
}

function tooMuch(pod: PodFacts, { policyArns, policy }: SessionPolicies): Denial | null {
  const where = `${podName(pod)}: the ${arnsKey} of namespace, ServiceAccount and pod together`;
  if (policyArns.length > maxArns) {
    const found = `${where} are ${policyArns.length} policies, and STS accepts ${maxArns}`;
    return denial("SessionPolicyInvalid", `${found}; remove some`);
  }
  const length = policyArns.join("").length + (policy ?? "").length;
  if (length <= maxCharacters) return null;
  const found =
    `${where}, with ${inlineKey}, have ${length} characters, and STS accepts ${maxCharacters}`;
  return denial("SessionPolicyInvalid", `${found}; remove some`);
}

function notAPolicy(where: string, arn: string, role: RoleArn): Denial {
  const found = `${where}: ${arnsKey} has ${quoted(arn, 110)}`;
  const expected = `the ARN of a managed policy of account ${role.account} or of AWS`;
  return denial("SessionPolicyInvalid", `${found}, which is not ${expected}; change or remove it`);
}

function inlineInvalid({ name }: NamespaceFacts, problem: string): Denial {
  const remedy = "write a session policy in JSON, or remove the annotation";
  return denial(
    "SessionPolicyInvalid",
    `${namespaceName(name)}: ${inlineKey} ${problem}; ${remedy}`,
  );
}
