/** A call to the Kubernetes API that failed or was refused. */

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
  /** The response's Retry-After, or null. */
  readonly retryAfterMs?: number | null;
  readonly cause?: unknown;
}

/** The message names verb and resource; it contains no token and no request body. */
export class ApiFault extends Error {
  override readonly name = "ApiFault";
  readonly code: ApiFaultCode;
  readonly status: number | null;
  readonly retryAfterMs: number | null;

  constructor(message: string, details: ApiFaultDetails) {
    super(message, { cause: details.cause });
    this.code = details.code;
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs ?? null;
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

/** One line of at most `maxChars` characters, without control characters. */
export function oneLine(text: string, maxChars: number = 300): string {
  // deno-lint-ignore no-control-regex
  return text.replaceAll(/[\u0000-\u001f\u007f\u2028\u2029]+/g, " ").trim().slice(0, maxChars);
}

/** The message of anything thrown, with that of its cause unless it already contains it. */
export function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return oneLine(String(thrown));
  const inner = thrown.cause instanceof Error ? thrown.cause.message : "";
  return oneLine(thrown.message.includes(inner) ? thrown.message : `${thrown.message}: ${inner}`);
}

/** `Retry-After` in milliseconds; null for anything but whole seconds, which the Kubernetes API sends. */
export function retryAfterMs(header: string | null): number | null {
  if (header === null || !/^\d{1,6}$/.test(header)) return null;
  return Number(header) * 1000;
}
