/**
 * Polls the metadata service from inside a pod, in the order in which AWS SDKs send their requests,
 * until it hands out credentials or says that it never will.
 */
import { messageOf } from "../telemetry/fault.ts";
import { type Clock } from "../time/clock.ts";
import { withDeadline } from "../time/deadline.ts";
import { pause } from "../time/pause.ts";

interface WaitOptions {
  /** Shaped like fetch; follows no redirect. */
  readonly fetch: (url: string, init: {
    readonly method: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  }) => Promise<Response>;
  /** Without a trailing slash, such as `http://169.254.169.254`. */
  readonly endpoint: string;
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Called with the reason for waiting, each time it changes. */
  readonly waiting: (reason: string) => void;
}

/** `refused`: the pod is denied, or has no role. `timeout`: `reason` is the last one seen. */
type WaitOutcome =
  | { readonly kind: "credentials"; readonly role: string; readonly expiration: string }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "timeout"; readonly reason: string };

type Attempt = Exclude<WaitOutcome, { kind: "timeout" }> | {
  readonly kind: "pending";
  readonly reason: string;
};

/** The timeout of botocore and most other SDKs for one request (`metadata_service_timeout`). */
const requestTimeoutMs = 1000;
const betweenAttemptsMs = 500;
const roles = "/latest/meta-data/iam/security-credentials/";

/** Settles at the latest `timeoutMs` after the call; never rejects because of the service. */
export async function waitForCredentials(options: WaitOptions): Promise<WaitOutcome> {
  const { clock, timeoutMs, waiting } = options;
  const end = clock.monotonic() + timeoutMs;
  const never = new AbortController().signal;
  for (let last = "";;) {
    const attempt = await tryOnce(options);
    if (attempt.kind !== "pending") return attempt;
    if (attempt.reason !== last) waiting(last = attempt.reason);
    if (clock.monotonic() + betweenAttemptsMs >= end) return { kind: "timeout", reason: last };
    await pause(clock, betweenAttemptsMs, never);
  }
}

async function tryOnce(options: WaitOptions): Promise<Attempt> {
  try {
    const token = await sessionToken(options);
    const headers = token === undefined ? {} : { "X-aws-ec2-metadata-token": token };
    const listed = await request(options, "GET", roles, headers);
    if (listed.status !== 200) return conclude(listed);
    const role = listed.text.trim();
    const document = await request(options, "GET", roles + encodeURIComponent(role), headers);
    return document.status === 200 ? readDocument(role, document.text) : conclude(document);
  } catch (fault) {
    const problem = messageOf(fault);
    return { kind: "pending", reason: `${options.endpoint} can't be reached: ${problem}` };
  }
}

/** Undefined where the service has no IMDSv2; SDKs then send requests without a token. */
async function sessionToken(options: WaitOptions): Promise<string | undefined> {
  const headers = { "X-aws-ec2-metadata-token-ttl-seconds": "21600" };
  const { status, text } = await request(options, "PUT", "/latest/api/token", headers);
  return status === 200 ? text : undefined;
}

function conclude({ status, text }: Answer): Attempt {
  const reason = text.trim() || `HTTP status ${status}`;
  const isFinal = status === 403 || status === 404;
  return isFinal ? { kind: "refused", reason } : { kind: "pending", reason };
}

function readDocument(role: string, text: string): Attempt {
  try {
    const { Code, Expiration } = JSON.parse(text);
    if (Code === "Success") return { kind: "credentials", role, expiration: String(Expiration) };
    return { kind: "pending", reason: `the credentials document says Code ${Code}` };
  } catch {
    return { kind: "pending", reason: "the credentials document is not JSON" };
  }
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

function request(
  { fetch, endpoint, clock }: WaitOptions,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  return withDeadline({ clock, ms: requestTimeoutMs }, async (signal) => {
    const response = await fetch(endpoint + path, { method, headers, signal });
    return { status: response.status, text: await response.text() };
  });
}
