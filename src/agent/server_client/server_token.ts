/** The projected ServiceAccount token by which the server knows this agent. */

export interface ServerToken {
  /** Never logged. */
  readonly text: string;
  /** Milliseconds since the epoch; null where the token doesn't say. */
  readonly expiresAt: number | null;
}

/** The token in a file's content; undefined where there is none. */
export function serverToken(content: string): ServerToken | undefined {
  const text = content.trim();
  if (!/^[\x21-\x7e]+$/.test(text)) return undefined;
  return { text, expiresAt: expiryOf(text) };
}

/** `exp` of a JSON Web Token's payload (RFC 7519, 4.1.4). The server judges it, this only reads. */
function expiryOf(token: string): number | null {
  const [, payload] = token.split(".");
  if (payload === undefined) return null;
  try {
    const claims = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    return typeof claims.exp === "number" ? claims.exp * 1000 : null;
  } catch {
    return null;
  }
}
