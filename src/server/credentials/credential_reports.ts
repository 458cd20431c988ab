/**
 * What the credential cache tells of itself to logs, metrics, the status page and `explain`. None
 * of it holds a secret key, a session token or an external ID.
 */
import type { AssumeRoleFault } from "../ports.ts";
import type { StsQueueStats } from "./sts_queue.ts";

/** Credentials have come. With these fields CloudTrail can be joined to pods. */
export interface IssuedReport {
  readonly key: string;
  readonly arn: string;
  readonly sessionName: string;
  readonly accessKeyId: string;
  /** Milliseconds since the epoch, as STS said. */
  readonly expiresAt: number;
  /** There were earlier ones. */
  readonly renewal: boolean;
  /** UIDs of the pods that they are for. */
  readonly holders: readonly string[];
}

/** A call has failed. */
export interface FaultReport {
  readonly key: string;
  readonly arn: string;
  readonly sessionName: string;
  readonly fault: AssumeRoleFault;
  /** Calls since credentials last came. */
  readonly attempts: number;
  readonly nextAttemptAt: number;
  readonly holders: readonly string[];
}

/** A call has ended; those that were called off are not told. */
export interface CallReport {
  readonly outcome: "ok" | AssumeRoleFault["code"];
  /** From its start to its end. */
  readonly durationMs: number;
  /** In the queue. */
  readonly waitedMs: number;
}

/** Called as it happens; they must not throw. */
export interface CredentialHooks {
  readonly onIssued?: (report: IssuedReport) => void;
  readonly onFault?: (report: FaultReport) => void;
  readonly onCall?: (report: CallReport) => void;
}

/** One identity, explained. Times in milliseconds since the epoch. */
export interface CredentialInspection {
  readonly key: string;
  readonly arn: string;
  readonly sessionName: string;
  readonly namespace: string;
  readonly holders: number;
  readonly state: "pending" | "ready" | "failed";
  /** `idle` until `nextAttemptAt`; `queued` for its turn; `calling` STS. */
  readonly phase: "idle" | "queued" | "calling";
  /** Calls since credentials last came. */
  readonly attempts: number;
  readonly lastFault: {
    readonly code: AssumeRoleFault["code"];
    readonly message: string;
    readonly at: number;
  } | null;
  /** The next renewal or retry; null while one is queued or under way. */
  readonly nextAttemptAt: number | null;
  readonly issuedAt: number | null;
  readonly expiresAt: number | null;
}

/** All identities in figures. */
export interface CredentialStats {
  readonly pending: number;
  readonly ready: number;
  readonly failed: number;
  /** Age of the oldest credentials served; 0 where there are none. */
  readonly oldestMs: number;
  /** What is left of those served that end first; null where there are none. */
  readonly shortestLeftMs: number | null;
  readonly queue: StsQueueStats;
}

/** The figures of all identities. */
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
