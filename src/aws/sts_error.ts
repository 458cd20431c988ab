/** What an error of the AWS SDK's STS client means, by its name and status, never by its text. */
import { isClockSkewError, isThrottlingError } from "@smithy/core/retry";
import * as v from "valibot";

/**
 * `server_credentials`: the server's own are missing, expired or not accepted. `configuration`: the
 * SDK refused the server's AWS settings before it sent anything.
 */
export type StsCode =
  | "throttled"
  | "unreachable"
  | "sts_failing"
  | "access_denied"
  | "rejected"
  | "server_credentials"
  | "configuration";

/**
 * The parts of an SDK error that may be kept. Its text may not: it can repeat what was sent, including
 * an external ID (ValidationError quotes the offending value).
 */
export interface StsErrorFacts {
  /** STS's error code, or the error's own name, such as `AccessDenied` or `ECONNREFUSED`. */
  readonly name: string;
  readonly status: number | undefined;
  /** STS's, to find the call in CloudTrail. */
  readonly requestId: string | undefined;
}

const sdkError = v.object({
  name: v.optional(v.string(), "Error"),
  code: v.optional(v.unknown()),
  $metadata: v.optional(v.object({
    httpStatusCode: v.optional(v.number()),
    requestId: v.optional(v.string()),
  })),
  $response: v.optional(v.object({ statusCode: v.optional(v.number()) })),
});

/** Error codes of AWS's query services, and STS's own, beside the SDK's lists. */
const codes: Readonly<Record<string, StsCode>> = {
  AccessDenied: "access_denied",
  AccessDeniedException: "access_denied",
  CredentialsProviderError: "server_credentials",
  ExpiredToken: "server_credentials",
  ExpiredTokenException: "server_credentials",
  IncompleteSignature: "server_credentials",
  IncompleteSignatureException: "server_credentials",
  InvalidAccessKeyId: "server_credentials",
  InvalidClientTokenId: "server_credentials",
  MissingAuthenticationToken: "server_credentials",
  MissingAuthenticationTokenException: "server_credentials",
  OptInRequired: "server_credentials",
  TokenProviderError: "server_credentials",
  UnrecognizedClientException: "server_credentials",
};

/** Generic error names, mostly of responses that aren't STS's. */
const nameless = new Set(["Error", "SyntaxError", "TypeError", "Unknown", "UnknownError"]);

export function factsOfError(error: unknown): StsErrorFacts {
  const parsed = v.safeParse(sdkError, error);
  if (!parsed.success) return { name: "Error", status: undefined, requestId: undefined };
  const { name, code, $metadata, $response } = parsed.output;
  return {
    name: name === "Error" && typeof code === "string" ? code : name,
    status: $metadata?.httpStatusCode ?? $response?.statusCode,
    requestId: $metadata?.requestId,
  };
}

/** Whether STS may have refused a request because the server's clock is wrong. */
export function isClockSkew({ name }: StsErrorFacts): boolean {
  return isClockSkewError(named(name)) && !Object.hasOwn(codes, name);
}

/** Without a status there was no response; one of unknown content may be a proxy's, and may pass. */
export function codeOf(facts: StsErrorFacts): StsCode {
  const { name, status } = facts;
  const code = Object.hasOwn(codes, name) ? codes[name] : undefined;
  if (code !== undefined) return code;
  // A clock that is wrong makes the server's own signatures invalid.
  if (isClockSkew(facts)) return "server_credentials";
  if (status === 429 || isThrottlingError(named(name))) return "throttled";
  if (status === undefined) return "unreachable";
  if (status < 400 || status >= 500 || nameless.has(name)) return "sts_failing";
  return "rejected";
}

/** As the SDK's predicates take it. */
function named(name: string): Parameters<typeof isClockSkewError>[0] {
  return { name, message: "", $fault: "client", $metadata: {} };
}
