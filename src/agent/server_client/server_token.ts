/** The projected ServiceAccount token by which the server identifies this agent. */
import { Buffer } from "node:buffer";
import * as v from "valibot";
import { parsedJson } from "../../net/json.ts";

export interface ServerToken {
  /** Never logged. */
  readonly text: string;
  /** Milliseconds since the epoch; null where the token doesn't say. */
  readonly expiresAt: number | null;
}

const expiring = v.object({ exp: v.number() });

/** The token in a file's content; undefined where there is none. */
export function serverToken(content: string): ServerToken | undefined {
  const text = content.trim();
  if (!/^[\x21-\x7e]+$/.test(text)) return undefined;
  return { text, expiresAt: expiryOf(text) };
}

/** `exp` of a JSON Web Token's payload (RFC 7519, 4.1.4). Only the server verifies the token. */
function expiryOf(token: string): number | null {
  const [, payload = ""] = token.split(".");
  const claims = v.safeParse(expiring, parsedJson(Buffer.from(payload, "base64url").toString()));
  return claims.success ? claims.output.exp * 1000 : null;
}
