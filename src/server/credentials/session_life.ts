/** How long a session may be served, and when it is renewed. */
import type { Credentials } from "../ports.ts";

/** Issued credentials, dated by our own clock; milliseconds since the epoch. */
export interface Session {
  readonly credentials: Credentials;
  /** When they were issued. */
  readonly since: number;
  /** When they are no longer served. */
  readonly endsAt: number;
  readonly renewAt: number;
  /** When a quarter of the lifetime is left. */
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

/** The least time between renewals of very short sessions. */
const minPauseMs = 1000;

/**
 * The session's schedule; undefined if it has already expired by our clock. Renewal starts at a
 * random point between 30 % and 45 % of the lifetime, so that credentials have at least half of it
 * left when served, even while a renewal is in flight. (botocore extends the expiry by itself when
 * less than about 25 minutes are left, and keeps using expired credentials.)
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
    renewAt: now + Math.max(minPauseMs, life * (0.3 + 0.15 * random())),
    urgentAt: endsAt - life / 4,
  };
}
