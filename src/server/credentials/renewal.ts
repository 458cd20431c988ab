/**
 * A request to assume roles again before it is time, because their sessions are about to be denied
 * in AWS (`revoke --renew`). It goes to every replica: only the one that has a session renews it.
 */
import * as v from "valibot";
import { instant } from "../../time/instant.ts";
import type { CredentialCache } from "./credential_cache.ts";

/** Size of a request's body, which lists up to 1,000 sessions. */
export const maxRenewalBytes = 262_144;
/** How far the caller's clock may be ahead, as for AWS's signatures. */
const clockSkewMs = 5 * 60_000;

/** A node has a few hundred pods at most. */
const maxSessions = 1_000;
const role = v.pipe(v.string(), v.maxLength(2_048));

/** The body of `POST /api/renew` and `POST /v1/renew`. */
export const renewalRequest = v.object({
  /** Later sessions are left alone, so repeating a request costs no STS call. */
  issuedBefore: v.pipe(v.string(), v.isoTimestamp()),
  sessions: v.pipe(
    v.array(v.object({
      arn: role,
      /** Null: every session of the role. */
      sessionName: v.nullable(v.pipe(v.string(), v.maxLength(64))),
    })),
    v.maxLength(maxSessions),
  ),
});
export type RenewalRequest = v.InferOutput<typeof renewalRequest>;

/**
 * Why the request is refused; null if it isn't. Until a time in the future has passed, every
 * repetition would renew, and so call STS, again.
 */
export function renewalProblem({ issuedBefore }: RenewalRequest, now: number): string | null {
  if (Date.parse(issuedBefore) <= now + clockSkewMs) return null;
  return `issuedBefore is ${issuedBefore}, which is in the future: it is ${instant(now)} here; ` +
    "send a time that has passed";
}

/** How many sessions are renewed at a replica, or why it isn't known. */
export interface Renewal {
  readonly replica: string;
  readonly renewing: number;
  readonly problem: string | null;
}

/** Returns the number of sessions to be assumed again; their calls queue like any renewal. */
export function renewSessions(cache: CredentialCache, request: RenewalRequest): number {
  const wanted = new Map(request.sessions.map(({ arn }) => [arn, new Set<string | null>()]));
  for (const { arn, sessionName } of request.sessions) wanted.get(arn)!.add(sessionName);
  const issuedBefore = Date.parse(request.issuedBefore);
  return cache.entries().filter(({ key, arn, sessionName }) => {
    const names = wanted.get(arn);
    const isWanted = names !== undefined && (names.has(null) || names.has(sessionName));
    return isWanted && cache.renew(key, issuedBefore);
  }).length;
}
