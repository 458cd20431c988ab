/**
 * Decides AssumeRole as AWS does: the role's trust policy, the caller's own permissions, session tags
 * and source identity with what a role chain inherits, and the session durations that are allowed.
 */
import { type RequestContext, requestContext } from "../../iam/conditions.ts";
import { evaluate, type Principal, type Verdict } from "../../iam/evaluate.ts";
import { parsePolicy, type PolicyDocument } from "../../iam/policy_document.ts";
import type { AssumeRoleParameters } from "./assume_role_parameters.ts";
import type { Iam, IamRole } from "./iam.ts";
import type { Session } from "./session.ts";

/** Who calls: a session issued here, or the server with credentials of its own. */
export interface Caller {
  readonly principal: Extract<Principal, { kind: "aws" }>;
  readonly session: Session | undefined;
}

/** STS refuses the call; STS's error code. */
export class StsFault extends Error {
  override readonly name = "StsFault";
  readonly code: string;
  readonly status: number;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** What a session takes from the request and from the session that made it. */
export interface Granted {
  readonly tags: Readonly<Record<string, string>>;
  readonly transitiveTags: Readonly<Record<string, string>>;
  readonly sourceIdentity: string | undefined;
}

/** @throws {StsFault} the call is refused */
export function authorizeAssumeRole(
  iam: Iam,
  caller: Caller,
  parameters: AssumeRoleParameters,
  now: number,
): Granted {
  const role = iam.role(parameters.roleArn);
  const granted = inherited(caller, parameters);
  if (role === undefined) throw denied(caller, "sts:AssumeRole", parameters.roleArn);
  const context = contextOf(iam, { caller, parameters, granted, role, now });
  const actions = [
    "sts:AssumeRole",
    ...(Object.keys(granted.tags).length > 0 ? ["sts:TagSession"] : []),
    ...(granted.sourceIdentity === undefined ? [] : ["sts:SetSourceIdentity"]),
  ];
  for (const action of actions) {
    const request = { action, resource: role.arn, principal: caller.principal, context };
    const trusted = evaluate([role.trust], request);
    if (!allowed(trusted, iam, caller, request)) throw denied(caller, action, role.arn);
  }
  checkDuration(role, caller.session, parameters);
  return granted;
}

type Request = Parameters<typeof evaluate>[1];

/**
 * A trust policy that names a principal of the role's own account is enough. If it names the account,
 * or the principal is of another account, the principal's own policies must allow the call as well.
 */
function allowed(trusted: Verdict, iam: Iam, caller: Caller, request: Request): boolean {
  if (trusted === "deny" || trusted === "none") return false;
  const own = verdictOfAll(iam.role(caller.principal.principalArn)?.permissions ?? null, request);
  const session = verdictOfAll(sessionPolicies(iam, caller.session), request);
  if (own === "deny" || session === "deny") return false;
  const sameAccount = request.resource.split(":")[4] === caller.principal.account;
  if (sameAccount && trusted === "session") return true;
  if (session === "none") return false;
  return own !== "none" || (sameAccount && trusted === "principal");
}

/** Null means that none are defined, which allows everything. */
function verdictOfAll(policies: readonly PolicyDocument[] | null, request: Request): Verdict {
  return policies === null ? "principal" : evaluate(policies, request);
}

/** A managed policy whose content isn't known allows nothing. */
function sessionPolicies(iam: Iam, session: Session | undefined): PolicyDocument[] | null {
  if (session === undefined) return null;
  const { policy, policyArns } = session;
  if (policy === undefined && policyArns.length === 0) return null;
  const inline = parsePolicy(policy, "permissions");
  const managed = policyArns.map((arn) => iam.policy(arn)).filter((one) => one !== undefined);
  return inline.kind === "policy" ? [inline.policy, ...managed] : managed;
}

/** Transitive tags and the source identity are passed along a chain and can't be replaced in it. */
function inherited({ session, principal }: Caller, parameters: AssumeRoleParameters): Granted {
  const before = session?.transitiveTags ?? {};
  const keys = new Set(Object.keys(before).map((key) => key.toLowerCase()));
  const replaced = Object.keys(parameters.tags).find((key) => keys.has(key.toLowerCase()));
  if (replaced !== undefined) {
    const message = `The tag ${replaced} is transitive and was set earlier in the role chain`;
    throw new StsFault(400, "ValidationError", message);
  }
  const first = session?.sourceIdentity;
  if (first !== undefined && (parameters.sourceIdentity ?? first) !== first) {
    throw new StsFault(403, "AccessDenied", `${principal.arn} can't change its source identity`);
  }
  const passed = Object.fromEntries(
    parameters.transitiveTagKeys.map((key) => [key, parameters.tags[key]!]),
  );
  return {
    tags: { ...before, ...parameters.tags },
    transitiveTags: { ...before, ...passed },
    sourceIdentity: parameters.sourceIdentity ?? first,
  };
}

/** @throws {StsFault} longer than the role or a role chain allows */
export function checkDuration(
  role: IamRole,
  session: Session | undefined,
  { durationSeconds }: AssumeRoleParameters,
): void {
  if (session !== undefined && durationSeconds > 3600) {
    const limit = "the 1 hour session limit for roles assumed by role chaining";
    throw new StsFault(400, "ValidationError", `The requested DurationSeconds exceeds ${limit}.`);
  }
  if (durationSeconds <= role.maxSessionSeconds) return;
  const limit = "the MaxSessionDuration set for this role";
  throw new StsFault(400, "ValidationError", `The requested DurationSeconds exceeds ${limit}.`);
}

interface AssumeRoleAttempt {
  readonly caller: Caller;
  readonly parameters: AssumeRoleParameters;
  readonly granted: Granted;
  readonly role: IamRole;
  readonly now: number;
}

/** The condition keys of a call (IAM's global keys and STS's own). */
function contextOf(
  iam: Iam,
  { caller, parameters, granted, role, now }: AssumeRoleAttempt,
): RequestContext {
  const { principal, session } = caller;
  const callerTags = { ...iam.role(principal.principalArn)?.tags, ...session?.tags };
  return requestContext({
    "aws:PrincipalArn": [principal.principalArn],
    "aws:PrincipalAccount": [principal.account],
    "aws:PrincipalType": ["AssumedRole"],
    "aws:userid": [session?.userId ?? "AROAROLECALLDEV00000:dev"],
    "aws:CurrentTime": [new Date(now).toISOString()],
    "aws:EpochTime": [String(Math.floor(now / 1000))],
    "sts:RoleSessionName": [parameters.sessionName],
    "sts:DurationSeconds": [String(parameters.durationSeconds)],
    "sts:ExternalId": [parameters.externalId],
    "sts:SourceIdentity": [granted.sourceIdentity],
    "aws:SourceIdentity": [session?.sourceIdentity],
    "aws:TagKeys": Object.keys(parameters.tags),
    "sts:TransitiveTagKeys": parameters.transitiveTagKeys,
    ...prefixed("aws:RequestTag", parameters.tags),
    ...prefixed("aws:PrincipalTag", callerTags),
    ...prefixed("aws:ResourceTag", role.tags),
    ...prefixed("iam:ResourceTag", role.tags),
  });
}

function prefixed(prefix: string, tags: Readonly<Record<string, string>>) {
  return Object.fromEntries(
    Object.entries(tags).map(([key, value]) => [`${prefix}/${key}`, [value]]),
  );
}

function denied({ principal }: Caller, action: string, roleArn: string): StsFault {
  const message = `User: ${principal.arn} is not authorized to perform: ${action}`;
  return new StsFault(403, "AccessDenied", `${message} on resource: ${roleArn}`);
}
