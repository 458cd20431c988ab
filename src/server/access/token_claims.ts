/**
 * Reads a bearer token's claims without verifying them, to refuse tokens that can't be valid before
 * calling the API server. Only TokenReview verifies a token.
 */
import * as v from "valibot";

const maxTokenChars = 8_192;

const claims = v.object({
  aud: v.union([v.pipe(v.string(), v.transform((text) => [text])), v.array(v.string())]),
  exp: v.pipe(v.number(), v.finite()),
  sub: v.string(),
});

export interface TokenClaims {
  readonly audiences: readonly string[];
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** `system:serviceaccount:NAMESPACE:NAME` in a ServiceAccount's token. */
  readonly subject: string;
}

/** The claims of a JWT (RFC 7519) with audience, expiry and subject; undefined for anything else. */
export function readClaims(token: string): TokenClaims | undefined {
  if (token.length > maxTokenChars) return undefined;
  const parts = token.split(".");
  if (parts.length !== 3 || parts.some((part) => !/^[A-Za-z0-9_-]+$/.test(part))) return undefined;
  if (decodeJson(parts[0]!) === undefined) return undefined;
  const result = v.safeParse(claims, decodeJson(parts[1]!));
  if (!result.success) return undefined;
  const { aud, exp, sub } = result.output;
  return { audiences: aud, expiresAt: exp * 1000, subject: sub };
}

/** The token of an `Authorization` header; undefined if its scheme isn't Bearer. */
export function bearerToken(header: string | undefined): string | undefined {
  return /^Bearer ([^\s]+)$/i.exec(header ?? "")?.[1];
}

function decodeJson(base64url: string): unknown {
  try {
    const text = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
    return JSON.parse(
      new TextDecoder().decode(Uint8Array.from(text, (char) => char.charCodeAt(0))),
    );
  } catch {
    return undefined;
  }
}
