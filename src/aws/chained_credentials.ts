/** The session of the role that the server assumes first, to assume the pods' roles with. */
import type { StsCredentials } from "./sts_answers.ts";
import type { OwnCredentials } from "./sts_client.ts";

/** AWS's limit for sessions made with another session's credentials, and enough for any. */
export const firstSessionSeconds = 3600;

/**
 * A provider for the SDK, which asks it again from five minutes before the end on. Where the
 * renewal fails, the old session is used as long as it lasts.
 *
 * The end is told by our own clock, like the SDK's look at it: one that runs ahead of STS's would
 * have the first role assumed anew for each call.
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
    } catch (error) {
      if (held === undefined || held.endsAt <= now()) throw error;
    }
    const { accessKeyId, secretAccessKey, sessionToken } = held.credentials;
    return { accessKeyId, secretAccessKey, sessionToken, expiration: new Date(held.endsAt) };
  };
}

function endOf({ expiresAt }: StsCredentials, now: number): number {
  const longest = now + firstSessionSeconds * 1000;
  return expiresAt > now ? Math.min(expiresAt, longest) : longest;
}
