/**
 * What the credential cache reports to logs, metrics, the status page and `explain`: never a secret
 * key, a session token or an external ID.
 */
import type { AssumeRoleFault } from "../ports.ts";
import type { StsQueueStats } from "./sts_queue.ts";

/** Credentials were issued. These fields join CloudTrail entries with pods. */
export interface IssuedReport {
  readonly key: string;
  readonly arn: string;
  readonly sessionName: string;
  readonly accessKeyId: string;
  /** STS's expiry, milliseconds since the epoch. */
  readonly expiresAt: number;
  /** They replace earlier ones. */
  readonly renewal: boolean;
  /** UIDs of the pods that use them. */
  readonly holders: readonly string[];
}

/** A call has failed. */
export interface FaultReport {
  readonly key: string;
  readonly arn: string;
  readonly sessionName: string;
  readonly fault: AssumeRoleFault;
  /** Calls since credentials were last issued. */
  readonly attempts: number;
  readonly nextAttemptAt: number;
  readonly holders: readonly string[];
}

/** A call has ended; aborted calls are not reported. */
export interface CallReport {
  readonly outcome: "ok" | AssumeRoleFault["code"];
  readonly durationMs: number;
  /** Time in the queue. */
  readonly waitedMs: number;
}

/** They must not throw. */
export interface CredentialHooks {
  readonly onIssued?: (report: IssuedReport) => void;
  readonly onFault?: (report: FaultReport) => void;
  readonly onCall?: (report: CallReport) => void;
}

/** One identity in detail. Times in milliseconds since the epoch. */
export interface CredentialInspection {
  readonly key: string;
  readonly arn: string;
  readonly sessionName: string;
  /** ARN of the trust role; null if the server assumes the role itself. */
  readonly assumedBy: string | null;
  readonly namespace: string;
  /** Pods that use it, directly or as their trust role. */
  readonly holders: number;
  readonly state: "pending" | "ready" | "failed";
  /** `idle` until `nextAttemptAt`, `queued`, or `calling` STS. */
  readonly phase: "idle" | "queued" | "calling";
  /** Calls since credentials were last issued. */
  readonly attempts: number;
  readonly lastFault: {
    readonly code: AssumeRoleFault["code"];
    readonly message: string;
    readonly at: number;
  } | null;
  /** The next renewal or retry; null while one is queued or in flight. */
  readonly nextAttemptAt: number | null;
  readonly issuedAt: number | null;
  readonly expiresAt: number | null;
}

/** Totals over all identities. */
export interface CredentialStats {
  readonly pending: number;
  readonly ready: number;
  readonly failed: number;
  /** Age of the oldest credentials in use; 0 if there are none. */
  readonly oldestMs: number;
  /** Time until the earliest expiry; null without credentials. */
  readonly shortestLeftMs: number | null;
  readonly queue: StsQueueStats;
}

export function statsOf(
  inspections: readonly CredentialInspection[],
  queue: StsQueueStats,
  now: number,
): CredentialStats {
  const counts = { pending: 0, ready: 0, failed: 0 };
  let oldestMs = 0;
  let shortestLeftMs = Infinity;
  for (const { state, issuedAt, expiresAt } of inspections) {
    counts[state]++;
    if (state !== "ready" || issuedAt === null || expiresAt === null) continue;
    oldestMs = Math.max(oldestMs, now - issuedAt);
    shortestLeftMs = Math.min(shortestLeftMs, expiresAt - now);
  }
  const left = shortestLeftMs === Infinity ? null : shortestLeftMs;
  return { ...counts, oldestMs, shortestLeftMs: left, queue };
}
