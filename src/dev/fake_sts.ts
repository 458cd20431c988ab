/**
 * An STS to try things on: the query protocol's AssumeRole and GetCallerIdentity with XML answers
 * and errors as AWS writes them. Its credentials say in every part that they are fake, and it keeps
 * no state: whom a session belongs to stands in its token. Signatures are not verified.
 */
import { ParameterFault, readAssumeRole } from "./fake_sts_parameters.ts";

export interface FakeStsOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Whole numbers from 0 to `below` - 1. */
  readonly random: (below: number) => number;
  /** Of the caller who has none of the sessions given out here. */
  readonly accountId: string;
  /** Roles whose trust policy, so to say, doesn't name the caller. */
  readonly refuses: (roleArn: string) => boolean;
}

/** The identity of whoever asks with credentials that weren't made here. */
function fakeCallerArn(accountId: string): string {
  return `arn:aws:sts::${accountId}:assumed-role/rolecall-server/dev`;
}

/** What a session token says in plain text, base64url. */
interface Session {
  readonly accessKeyId: string;
  readonly arn: string;
  readonly userId: string;
  readonly account: string;
  readonly expiresAt: number;
}

interface Fault {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

const xmlns = "https://sts.amazonaws.com/doc/2011-06-15/";
const tokenPrefix = "FAKE-SESSION-OF-ROLECALL-DEV.";

/** Answers one request of the query protocol, GET or POST. */
export type FakeSts = (request: Request) => Promise<Response>;

/** Makes the STS; nothing is remembered between requests. */
export function createFakeSts(options: FakeStsOptions): FakeSts {
  return async (request) => {
    const requestId = identifier(options, 32, "0123456789abcdef");
    const fields = await formFields(request);
    const action = fields.get("Action");
    try {
      const accessKeyId = signedWith(request);
      if (action === "AssumeRole") return answer(action, assumeRole(options, fields), requestId);
      if (action !== "GetCallerIdentity") throw unknownAction(action);
      const session = callerOf(request, accessKeyId, options.now());
      return answer(action, callerIdentity(options, session), requestId);
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

class StsFault extends Error {
  override readonly name = "StsFault";
  readonly code: string;
  readonly status: number;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

function faultOf(fault: unknown): Fault {
  if (fault instanceof StsFault) return fault;
  if (fault instanceof ParameterFault) {
    return { status: 400, code: "ValidationError", message: fault.message };
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

/** The session a request is made with; undefined for somebody else's credentials. */
function callerOf(request: Request, accessKeyId: string, now: number): Session | undefined {
  const token = request.headers.get("x-amz-security-token") ?? "";
  if (!accessKeyId.startsWith("ASIAROLECALLDEV")) return undefined;
  const session = readToken(token);
  if (session?.accessKeyId !== accessKeyId) {
    const message = "The security token included in the request is invalid";
    throw new StsFault(403, "InvalidClientTokenId", message);
  }
  if (session.expiresAt > now) return session;
  const message = "The security token included in the request is expired";
  throw new StsFault(403, "ExpiredToken", message);
}

function readToken(token: string): Session | undefined {
  if (!token.startsWith(tokenPrefix)) return undefined;
  try {
    const text = token.slice(tokenPrefix.length).replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(atob(text));
  } catch {
    return undefined;
  }
}

function assumeRole(options: FakeStsOptions, fields: URLSearchParams): string {
  const { roleArn, account, roleName, sessionName, durationSeconds } = readAssumeRole(fields);
  if (options.refuses(roleArn)) {
    const message = `User: ${fakeCallerArn(options.accountId)} is not authorized to perform: ` +
      `sts:AssumeRole on resource: ${roleArn}`;
    throw new StsFault(403, "AccessDenied", message);
  }
  const session: Session = {
    accessKeyId: `ASIAROLECALLDEV${identifier(options, 5, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")}`,
    arn: `arn:${roleArn.split(":")[1]}:sts::${account}:assumed-role/${roleName}/${sessionName}`,
    userId: `AROAROLECALLDEV00000:${sessionName}`,
    account,
    expiresAt: options.now() + durationSeconds * 1000,
  };
  return element("Credentials", credentials(options, session)) +
    element(
      "AssumedRoleUser",
      element("AssumedRoleId", escaped(session.userId)) + element("Arn", escaped(session.arn)),
    );
}

function credentials(options: FakeStsOptions, session: Session): string {
  const text = btoa(JSON.stringify(session)).replaceAll("+", "-").replaceAll("/", "_");
  const expiration = new Date(session.expiresAt).toISOString().replace(/\.\d+Z$/, "Z");
  return element("AccessKeyId", session.accessKeyId) +
    element(
      "SecretAccessKey",
      `fake/secret/of/rolecall/dev/${identifier(options, 12, "0123456789")}`,
    ) +
    element("SessionToken", tokenPrefix + text.replace(/=+$/, "")) +
    element("Expiration", expiration);
}

function callerIdentity({ accountId }: FakeStsOptions, session: Session | undefined): string {
  return element("Arn", escaped(session?.arn ?? fakeCallerArn(accountId))) +
    element("UserId", escaped(session?.userId ?? "AROAROLECALLDEV00000:dev")) +
    element("Account", session?.account ?? accountId);
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
