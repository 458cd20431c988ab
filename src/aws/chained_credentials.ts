/** Credentials of the role that the server assumes first, to assume the pods' roles (role chaining). */
import type { StsCredentials } from "./sts_answers.ts";
import type { OwnCredentials } from "./sts_client.ts";

/** AWS's limit for chained sessions. */
export const firstSessionSeconds = 3600;

/**
 * A credential provider for the SDK, which calls it again from five minutes before the expiry on. If
 * the renewal fails, the old session is used until it expires.
 *
 * The expiry is by our own clock, like the SDK's check: otherwise a clock ahead of STS's would make
 * the SDK assume the first role for each call.
 */
export function chainedCredentials(
  assume: () => Promise<StsCredentials>,
  now: () => number,
): () => Promise<OwnCredentials> {
  let held: { credentials: StsCredentials; endsAt: number } | undefined;
  return async () => {
    try {
      const credentials = await assume();
      held = { credentials, endsAt: endOf(credentials, now()) };
    } catch (fault) {
      if (held === undefined || held.endsAt <= now()) throw fault;
    }
    const { accessKeyId, secretAccessKey, sessionToken } = held.credentials;
    return { accessKeyId, secretAccessKey, sessionToken, expiration: new Date(held.endsAt) };
  };
}

function endOf({ expiresAt }: StsCredentials, now: number): number {
  const longest = now + firstSessionSeconds * 1000;
  return expiresAt > now ? Math.min(expiresAt, longest) : longest;
}
