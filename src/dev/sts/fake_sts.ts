/**
 * The embedded STS: the query protocol's AssumeRole, AssumeRoleWithWebIdentity and GetCallerIdentity,
 * with XML responses and errors as AWS writes them. It enforces trust policies (`assume_role.ts`) and
 * keeps no state. Each part of its credentials says that they are fake. Signatures are not verified.
 */
import { instant } from "../../time/instant.ts";
import { authorizeAssumeRole, type Caller, type Granted, StsFault } from "./assume_role.ts";
import {
  type AssumeRoleParameters,
  ParameterFault,
  readAssumeRole,
} from "./assume_role_parameters.ts";
import { authorizeWebIdentity, readWebIdentityToken } from "./web_identity.ts";
import type { Iam } from "./iam.ts";
import { readSessionToken, type Session, writeSessionToken } from "./session.ts";

interface FakeStsOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Whole numbers from 0 to `below` - 1. */
  readonly random: (below: number) => number;
  /** The account of callers whose credentials weren't issued here. */
  readonly accountId: string;
  readonly iam: Iam;
}

interface Fault {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

const xmlns = "https://sts.amazonaws.com/doc/2011-06-15/";
/** Callers whose credentials weren't issued here are sessions of this role. */
const serverRoleName = "rolecall-server";
const serverUserId = "AROAROLECALLDEV00000:dev";

/** Answers one request of the query protocol, GET or POST. */
type FakeSts = (request: Request) => Promise<Response>;

/** Makes the STS; nothing is remembered between requests. */
export function createFakeSts(options: FakeStsOptions): FakeSts {
  return async (request) => {
    const requestId = identifier(options, 32, "0123456789abcdef");
    const fields = await formFields(request);
    const action = fields.get("Action");
    try {
      if (action === "AssumeRoleWithWebIdentity") {
        return answer(action, await assumeWithToken(options, fields), requestId);
      }
      const caller = callerOf(options, request);
      if (action === "AssumeRole") {
        return answer(action, assumeRole(options, caller, fields), requestId);
      }
      if (action === "GetCallerIdentity") return answer(action, callerIdentity(caller), requestId);
      throw unknownAction(action);
    } catch (fault) {
      return refusal(faultOf(fault), requestId);
    }
  };
}

async function formFields(request: Request): Promise<URLSearchParams> {
  const query = new URL(request.url).searchParams;
  if (request.method !== "POST") return query;
  return new URLSearchParams(await request.text());
}

function faultOf(fault: unknown): Fault {
  if (fault instanceof StsFault) return fault;
  if (fault instanceof ParameterFault) {
    return { status: 400, code: fault.code, message: fault.message };
  }
  return { status: 500, code: "InternalFailure", message: "the embedded STS failed" };
}

function unknownAction(action: string | null): StsFault {
  if (action === null) return new StsFault(400, "MissingAction", "Missing Action");
  const message = `Could not find operation ${action} for version 2011-06-15`;
  return new StsFault(400, "InvalidAction", message);
}

/** The access key of a Signature Version 4 `Authorization` header. */
function signedWith(request: Request): string {
  const header = request.headers.get("authorization") ?? "";
  const key = /^AWS4-HMAC-SHA256 .*Credential=(\w{16,128})\//.exec(header)?.[1];
  if (key !== undefined) return key;
  const message = "Request is missing Authentication Token";
  throw new StsFault(403, "MissingAuthenticationToken", message);
}

function callerOf({ accountId: account, now }: FakeStsOptions, request: Request): Caller {
  const accessKeyId = signedWith(request);
  const session = accessKeyId.startsWith("ASIAROLECALLDEV")
    ? sessionOf(request, accessKeyId, now())
    : undefined;
  const principal = session === undefined
    ? {
      kind: "aws" as const,
      account,
      arn: `arn:aws:sts::${account}:assumed-role/${serverRoleName}/dev`,
      principalArn: `arn:aws:iam::${account}:role/${serverRoleName}`,
    }
    : {
      kind: "aws" as const,
      account: session.account,
      arn: session.arn,
      principalArn: session.roleArn,
    };
  return { principal, session };
}

function sessionOf(request: Request, accessKeyId: string, now: number): Session {
  const session = readSessionToken(request.headers.get("x-amz-security-token") ?? "");
  if (session?.accessKeyId !== accessKeyId) {
    const message = "The security token included in the request is invalid";
    throw new StsFault(403, "InvalidClientTokenId", message);
  }
  if (session.expiresAt > now) return session;
  const message = "The security token included in the request is expired";
  throw new StsFault(403, "ExpiredToken", message);
}

function assumeRole(options: FakeStsOptions, caller: Caller, fields: URLSearchParams): string {
  const parameters = readAssumeRole(fields);
  const granted = authorizeAssumeRole(options.iam, caller, parameters, options.now());
  return assumed(options, parameters, granted);
}

/** The token is all that authenticates this call; it isn't signed. */
async function assumeWithToken(options: FakeStsOptions, fields: URLSearchParams): Promise<string> {
  const parameters = readAssumeRole(fields);
  const text = fields.get("WebIdentityToken") ?? "";
  const token = await readWebIdentityToken(options.iam, text, options.now());
  authorizeWebIdentity(options.iam, token, parameters);
  const granted = { tags: {}, transitiveTags: {}, sourceIdentity: undefined };
  return assumed(options, parameters, granted) +
    element("SubjectFromWebIdentityToken", escaped(token.subject)) +
    element("Audience", escaped(token.audience)) +
    element("Provider", escaped(token.provider.arn));
}

function assumed(
  options: FakeStsOptions,
  parameters: AssumeRoleParameters,
  granted: Granted,
): string {
  const { roleArn, account, roleName, sessionName, durationSeconds } = parameters;
  const session: Session = {
    ...granted,
    accessKeyId: `ASIAROLECALLDEV${identifier(options, 5, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")}`,
    arn: `arn:${roleArn.split(":")[1]}:sts::${account}:assumed-role/${roleName}/${sessionName}`,
    roleArn,
    userId: `AROAROLECALLDEV00000:${sessionName}`,
    account,
    expiresAt: options.now() + durationSeconds * 1000,
    policy: parameters.policy,
    policyArns: [...parameters.policyArns],
  };
  return element("Credentials", credentials(options, session)) +
    element(
      "AssumedRoleUser",
      element("AssumedRoleId", escaped(session.userId)) + element("Arn", escaped(session.arn)),
    ) +
    element("PackedPolicySize", String(parameters.packedPercent)) +
    (granted.sourceIdentity === undefined
      ? ""
      : element("SourceIdentity", escaped(granted.sourceIdentity)));
}

function credentials(options: FakeStsOptions, session: Session): string {
  const expiration = instant(session.expiresAt);
  return element("AccessKeyId", session.accessKeyId) +
    element(
      "SecretAccessKey",
      `fake/secret/of/rolecall/dev/${identifier(options, 12, "0123456789")}`,
    ) +
    element("SessionToken", writeSessionToken(session)) +
    element("Expiration", expiration);
}

function callerIdentity({ principal, session }: Caller): string {
  return element("Arn", escaped(principal.arn)) +
    element("UserId", escaped(session?.userId ?? serverUserId)) +
    element("Account", principal.account);
}

function answer(action: string, result: string, requestId: string): Response {
  const metadata = element("ResponseMetadata", element("RequestId", requestId));
  const body = element(`${action}Result`, result) + metadata;
  return xml(200, `<${action}Response xmlns="${xmlns}">${body}</${action}Response>\n`, requestId);
}

function refusal({ status, code, message }: Fault, requestId: string): Response {
  const type = element("Type", status < 500 ? "Sender" : "Receiver");
  const error = type + element("Code", code) + element("Message", escaped(message));
  const body = element("Error", error) + element("RequestId", requestId);
  return xml(status, `<ErrorResponse xmlns="${xmlns}">${body}</ErrorResponse>\n`, requestId);
}

function xml(status: number, body: string, requestId: string): Response {
  const headers = { "content-type": "text/xml", "x-amzn-requestid": requestId };
  return new Response(body, { status, headers });
}

function element(name: string, content: string): string {
  return `<${name}>${content}</${name}>`;
}

function escaped(text: string): string {
  return text.replace(/[<>&"']/g, (found) => `&#${found.charCodeAt(0)};`);
}

function identifier({ random }: FakeStsOptions, length: number, alphabet: string): string {
  return Array.from({ length }, () => alphabet[random(alphabet.length)]).join("");
}
