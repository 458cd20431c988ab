/** A call to the Kubernetes API that failed or was refused. */
import { oneLine } from "../../telemetry/fault.ts";

type ApiFaultCode =
  | "api_unreachable"
  | "api_unauthorized"
  | "api_forbidden"
  | "api_not_found"
  | "api_conflict"
  | "api_gone"
  | "api_throttled"
  | "api_refused";

interface ApiFaultDetails {
  readonly code: ApiFaultCode;
  /** HTTP status, or null without a response. */
  readonly status: number | null;
  /** The response's Retry-After; undefined without one. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** The message names verb and resource; it contains no token and no request body. */
export class ApiFault extends Error {
  override readonly name = "ApiFault";
  readonly code: ApiFaultCode;
  readonly status: number | null;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, details: ApiFaultDetails) {
    super(message, { cause: details.cause });
    this.code = details.code;
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
  }
}

const codes: Readonly<Record<number, ApiFaultCode>> = {
  401: "api_unauthorized",
  403: "api_forbidden",
  404: "api_not_found",
  409: "api_conflict",
  410: "api_gone",
  429: "api_throttled",
};

export function codeOfStatus(status: number): ApiFaultCode {
  return codes[status] ?? "api_refused";
}

/** The message of anything thrown, with that of its cause unless it already contains it. */
export function messageWithCause(thrown: unknown): string {
  if (!(thrown instanceof Error)) return oneLine(String(thrown));
  const inner = thrown.cause instanceof Error ? thrown.cause.message : "";
  return oneLine(thrown.message.includes(inner) ? thrown.message : `${thrown.message}: ${inner}`);
}

const absent = "refuses connections; does the API server run there?";
const unresolved = "has a name that can't be resolved; check the server's address";
const cutOff = "ended the connection; is it an API server, reached by the right scheme?";
const unrouted = "can't be reached from here; check the network, VPN and proxy";
const noTls = "doesn't speak TLS; should its URL begin with http://?";
const untrusted = "has a certificate that isn't signed by the CA configured for it";

/** What the system and TLS report, by code: their own texts are for programmers. */
const unreachable: Readonly<Record<string, string>> = {
  ECONNREFUSED: absent,
  ENOTFOUND: unresolved,
  EAI_AGAIN: unresolved,
  ECONNRESET: cutOff,
  EPIPE: cutOff,
  HPE_INVALID_CONSTANT: cutOff,
  EHOSTUNREACH: unrouted,
  ENETUNREACH: unrouted,
  ETIMEDOUT: unrouted,
  EPROTO: noTls,
  ERR_SSL_WRONG_VERSION_NUMBER: noTls,
  CERT_HAS_EXPIRED: "has a certificate that has expired",
  CERT_NOT_YET_VALID: "has a certificate that isn't valid yet; check the clocks",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "has a certificate for another name; check the server's address and tls-server-name",
  CERT_SIGNATURE_FAILURE: untrusted,
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
};

/** Why there is no response, if the network or TLS is why; `proxy` is the URL of one, or null. */
export function networkProblem(
  server: string,
  proxy: string | null,
  fault: unknown,
): string | undefined {
  if (!(fault instanceof Error)) return undefined;
  const { code, message } = fault as Error & { readonly code?: unknown };
  // Proxy libraries give the system's code only in their text.
  const inText = /\bE[A-Z]{4,}\b/.exec(message)?.[0];
  const reason = unreachable[String(code)] ?? unreachable[String(inText)];
  if (reason === undefined) return undefined;
  const through = proxy === null ? "" : ` (through the proxy ${new URL(proxy).host})`;
  return `${server}${through} ${reason}`;
}

/** `Retry-After` in milliseconds; undefined for anything but whole seconds, which the Kubernetes API sends. */
export function retryAfterMs(header: string | null): number | undefined {
  if (header === null || !/^\d{1,6}$/.test(header)) return undefined;
  return Number(header) * 1000;
}
