/** How long a session may be served, and when it is renewed. When STS is asked, others decide. */
import type { Credentials } from "../ports.ts";

/** Issued credentials in terms of our own clock; times in milliseconds since the epoch. */
export interface Session {
  readonly credentials: Credentials;
  /** When they came. */
  readonly since: number;
  /** From here on they are not served. */
  readonly endsAt: number;
  readonly renewAt: number;
  /** A quarter of the life is left. */
  readonly urgentAt: number;
}

interface SessionOptions {
  /** By the machine's clock, with which STS's expiry is compared; milliseconds since the epoch. */
  readonly wall: number;
  /** The same instant by the clock of the plan (`steadyClock`). */
  readonly now: number;
  /** From 0 up to 1. */
  readonly random: () => number;
}

/** A session so short that its renewals would follow each other without a pause has one. */
const shortestPauseMs = 1000;

/**
 * The session's plan, or undefined where by our clock it has ended already. Renewal begins at a
 * random point between 30 % and 45 % of its life: what is handed out then has half of its life left,
 * also with a renewal under way. (botocore stretches the expiry by itself where less than about
 * 25 minutes are left, and goes on with credentials that have ended.)
 *
 * STS never grants more than was requested: an expiry beyond that means that our clock is behind,
 * and the requested duration is counted instead.
 */
export function sessionOf(
  credentials: Credentials,
  durationSeconds: number,
  { wall, now, random }: SessionOptions,
): Session | undefined {
  const life = Math.min(credentials.expiresAt - wall, durationSeconds * 1000);
  if (!(life > 0)) return undefined;
  const endsAt = now + life;
  return {
    credentials,
    since: now,
    endsAt,
    renewAt: now + Math.max(shortestPauseMs, life * (0.3 + 0.15 * random())),
    urgentAt: endsAt - life / 4,
  };
}
