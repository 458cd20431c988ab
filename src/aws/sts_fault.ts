/** Faults of STS calls. Pods may see the messages: the role, and what to do about it. */
import { type RoleIdentity, tokenSubject, type WebIdentity } from "../policy/facts.ts";
import { isRegionMissing } from "./sdk_configuration.ts";
import {
  codeOf,
  factsOfError,
  isClockSkew,
  type StsCode,
  type StsErrorFacts,
} from "./sts_error.ts";

/** In bytes, as messages are ASCII: of a foreign value in a message, and of a message. */
const maxValueChars = 140;
const maxMessageChars = 500;

/** `cause` is the part of the SDK's error that may be logged. */
export class StsFault extends Error {
  override readonly name = "StsFault";
  readonly code: StsCode;
  readonly requestId: string | undefined;

  constructor(code: StsCode, message: string, cause: StsErrorFacts) {
    super(message.slice(0, maxMessageChars), { cause });
    this.code = code;
    this.requestId = cause.requestId;
  }

  /** A retry may help; else somebody has to change something first. */
  get retryable(): boolean {
    return !["access_denied", "rejected", "configuration"].includes(this.code);
  }
}

/** Who calls, as far as it is known: roles' trust policies have to name it. */
interface Caller {
  /** Such as `role NAME of account 111122223333`, or an ARN. */
  readonly principal: string | undefined;
  readonly region: string;
}

/** An AssumeRole call for a pod has failed. */
export function assumeRoleFault(error: unknown, identity: RoleIdentity, caller: Caller): StsFault {
  if (error instanceof StsFault) return error;
  const facts = factsOfError(error);
  const code = codeOf(facts);
  const token = tokenProblem(facts, identity);
  if (token !== null) return token;
  if (code === "access_denied") return new StsFault(code, accessDenied(identity, caller), facts);
  if (code === "rejected") return new StsFault(code, rejected(identity, caller, facts), facts);
  if (code === "server_credentials" && identity.assumedBy !== null) {
    // They are a session's, so the next one may be accepted; the server's own are not in question.
    const message = `STS did not accept the session of ${shown(identity.assumedBy.arn)}`;
    return new StsFault("sts_failing", `${message}; the server tries again`, facts);
  }
  return new StsFault(code, passing(code, facts, caller.region), facts);
}

/** GetCallerIdentity needs no permission, so a denial is about the server's credentials. */
export function callerIdentityFault(error: unknown, region: string): StsFault {
  if (error instanceof StsFault) return error;
  const facts = factsOfError(error);
  const code = codeOf(facts);
  const kind = code === "access_denied" || code === "rejected" ? "server_credentials" : code;
  return new StsFault(kind, passing(kind, facts, region), facts);
}

/** The server has no credentials of its own. Retryable, as its operator may fix that at any time. */
export function serverCredentialsFault(error: unknown): StsFault {
  if (error instanceof StsFault) return error;
  const facts = factsOfError(error);
  return new StsFault("server_credentials", ownCredentials(facts), facts);
}

/** The role of `--assume-role-arn` can't be assumed. */
export function firstRoleFault(
  error: unknown,
  { arn, durationSeconds }: { readonly arn: string; readonly durationSeconds: number },
): StsFault {
  if (error instanceof StsFault) return error;
  const facts = factsOfError(error);
  const code = codeOf(facts);
  const role = `the server can't assume ${shown(arn)} (--assume-role-arn)`;
  if (code !== "access_denied" && code !== "rejected") {
    return new StsFault(code, `${role}: ${shown(facts.name)}; it tries again`, facts);
  }
  const remedy = "its trust policy and the policies of the server's own role must allow " +
    `sts:AssumeRole for sessions of ${durationSeconds} s`;
  return new StsFault("server_credentials", `${role}: ${remedy}`, facts);
}

/** An error of a call that was never sent: the settings are wrong, unless it names another cause. */
export function unsentFault(error: unknown): unknown {
  if (error instanceof StsFault) return error;
  const facts = factsOfError(error);
  if (codeOf(facts) !== "unreachable") return error;
  const noRegion = "the server knows no AWS region: set --region or AWS_REGION";
  return new StsFault("configuration", isRegionMissing(error) ? noRegion : settings(facts), facts);
}

/** STS's response isn't what AWS documents. */
export function unreadableFault(action: string): StsFault {
  const cause = { name: "UnexpectedResponse", status: undefined, requestId: undefined };
  return new StsFault("sts_failing", `STS returned an unexpected response to ${action}`, cause);
}

function passing(
  code: Exclude<StsCode, "access_denied" | "rejected">,
  facts: StsErrorFacts,
  region: string,
): string {
  if (code === "throttled") return `STS throttles the server (${region}); it tries again`;
  if (code === "unreachable") {
    const through = facts.name === "ProxyFault" ? " through the proxy of HTTPS_PROXY" : "";
    return `STS can't be reached${through} (${region}); the server tries again`;
  }
  if (code === "sts_failing") return `STS fails (${region}); the server tries again`;
  return code === "configuration" ? settings(facts) : ownCredentials(facts);
}

/** STS's errors about the token of a web identity: whether another call may help, and what to do. */
const tokenProblems: Readonly<Record<string, readonly ["rejected" | "sts_failing", string]>> = {
  InvalidIdentityToken: [
    "rejected",
    "its account needs an IAM OIDC provider for the cluster's issuer, with this audience and current " +
    "keys",
  ],
  ExpiredToken: [
    "sts_failing",
    "the clocks of API server and AWS disagree, or the call waited for long; the server tries again",
  ],
  IDPCommunicationError: [
    "sts_failing",
    "AWS can't reach the cluster's issuer; the server tries again",
  ],
  IDPRejectedClaim: ["rejected", "the OIDC provider rejects its claims"],
};

/** Null if the error isn't about a web identity's token. */
function tokenProblem(
  facts: StsErrorFacts,
  { arn, webIdentity }: RoleIdentity,
): StsFault | null {
  const name = facts.name.replace(/Exception$/, "");
  if (webIdentity === null || !Object.hasOwn(tokenProblems, name)) return null;
  const [code, remedy] = tokenProblems[name]!;
  const token = `the token of ${subjectOf(webIdentity)} with audience ${
    shown(webIdentity.audience)
  }`;
  const found = `STS doesn't accept ${token} for ${shown(arn)} (${shown(facts.name)})`;
  return new StsFault(code, `${found}: ${remedy}`, facts);
}

function subjectOf(webIdentity: WebIdentity): string {
  return shown(tokenSubject(webIdentity));
}

function accessDenied(identity: RoleIdentity, { principal }: Caller): string {
  const { arn, tags, externalId, sourceIdentity, assumedBy, webIdentity } = identity;
  if (webIdentity !== null) {
    return `STS denies ${shown(arn)}: it must exist, and its trust policy must allow ` +
      `sts:AssumeRoleWithWebIdentity to the cluster's OIDC provider for ${subjectOf(webIdentity)}`;
  }
  const actions = [
    "sts:AssumeRole",
    ...(tags.length > 0 ? ["sts:TagSession"] : []),
    ...(sourceIdentity === null ? [] : ["sts:SetSourceIdentity"]),
  ].join(" and ");
  const own = principal === undefined ? "the server's role" : `the server's ${shown(principal)}`;
  const who = assumedBy === null ? own : shown(assumedBy.arn);
  const sent = [
    ...(externalId === null ? [] : ["external ID"]),
    ...(tags.length > 0 ? ["session tags"] : []),
    ...(sourceIdentity === null ? [] : ["source identity"]),
  ].join(", ");
  const condition = externalId === null && sent === ""
    ? "if it requires an external ID, annotate the pod with iam.amazonaws.com/external-id"
    : `its conditions must accept the ${sent}`;
  return `STS denies ${shown(arn)}: it must exist, and its trust policy must allow ${actions} ` +
    `to ${who}; ${condition}`;
}

function rejected(identity: RoleIdentity, { region }: Caller, { name }: StsErrorFacts): string {
  const rejects = `STS rejects the session for ${shown(identity.arn)}`;
  if (name.startsWith("RegionDisabled")) {
    return `STS isn't activated in ${region}: activate it for the account, or set --region`;
  }
  if (name.startsWith("PackedPolicyTooLarge")) {
    return `${rejects}: its session tags and session policies together are too large; shorten them`;
  }
  if (name.startsWith("MalformedPolicyDocument")) {
    return `${rejects}: its session policies are not valid; check iam.amazonaws.com/session-policy ` +
      "and iam.amazonaws.com/session-policy-arns";
  }
  return `${rejects} (${
    shown(name)
  }): its ${identity.durationSeconds} s must be within the role's ` +
    "maximum session duration, and the managed session policies must exist";
}

function ownCredentials(facts: StsErrorFacts): string {
  const clock = isClockSkew(facts) ? " and the clock of its node" : "";
  return "the server's own AWS credentials are missing, expired or not accepted " +
    `(${shown(facts.name)}); its operator must check them${clock}`;
}

function settings({ name }: StsErrorFacts): string {
  return `the AWS SDK refuses the server's AWS settings (${
    shown(name)
  }); its operator must fix them`;
}

function shown(value: string): string {
  const plain = value.replace(/[^\x20-\x7e]/g, "?");
  if (plain.length <= maxValueChars) return plain;
  return `${plain.slice(0, maxValueChars / 2 - 3)}...${plain.slice(-maxValueChars / 2)}`;
}
