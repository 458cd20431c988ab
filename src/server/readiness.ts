/** What keeps the server from being ready: one line each, with the last error. */
import { withoutControls } from "../telemetry/fault.ts";

/** The health of a list and watch. */
export interface WatchStatus {
  /** Such as `pods`. */
  readonly resource: string;
  readonly synced: boolean;
  /** Since the last update; Infinity before the first. */
  readonly ageSeconds: number;
  readonly restarts: number;
  readonly lastError: string | null;
}

export interface CertificateStatus {
  /** Milliseconds since the epoch; null without a certificate. */
  readonly expiresAt: number | null;
  /** What prevents issuing or renewing it; null if nothing does. */
  readonly problem: string | null;
}

interface ReadinessOptions {
  readonly watches: () => readonly WatchStatus[];
  readonly unlisted: () => readonly string[];
  readonly certificate: () => CertificateStatus;
  /** Why the server's own AWS credentials don't work; null once they have worked. */
  readonly credentialsProblem: () => string | null;
  /** Why no ServiceAccount tokens may be requested, if roles are assumed with them. */
  readonly tokensProblem: () => string | null;
}

/**
 * Empty means ready. Later faults don't end readiness: the server still serves what it knows, and if
 * all replicas had the same fault, none would be left.
 */
export function missingForReadiness(options: ReadinessOptions): string[] {
  const errors = new Map(options.watches().map((watch) => [watch.resource, watch.lastError]));
  const lines = options.unlisted().map((resource) =>
    `${resource}: not listed yet: ${errors.get(resource) ?? "the API server hasn't answered"}`
  );
  const { expiresAt, problem } = options.certificate();
  if (expiresAt === null) lines.push(`certificate: ${problem ?? "none yet"}`);
  const credentials = options.credentialsProblem();
  if (credentials !== null) lines.push(`AWS credentials: ${credentials}`);
  const tokens = options.tokensProblem();
  if (tokens !== null) lines.push(`ServiceAccount tokens: ${tokens}`);
  return lines.map((line) => withoutControls(line));
}

/** The oldest of all watches, since decisions depend on each of them. */
export function oldestWatchSeconds(watches: readonly WatchStatus[]): number {
  return watches.length === 0 ? Infinity : Math.max(...watches.map((watch) => watch.ageSeconds));
}
