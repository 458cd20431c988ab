/** What keeps the server from being ready: one line for each thing, naming it and its last error. */

/** How a list and watch stands. */
export interface WatchStatus {
  /** Such as `pods`. */
  readonly resource: string;
  readonly synced: boolean;
  /** Since the last word; Infinity before the first. */
  readonly ageSeconds: number;
  readonly restarts: number;
  readonly lastError: string | null;
}

export interface CertificateStatus {
  /** Milliseconds since the epoch; null without a certificate. */
  readonly expiresAt: number | null;
  /** What is in the way of the next one; null if nothing is. */
  readonly problem: string | null;
}

interface ReadinessOptions {
  readonly watches: () => readonly WatchStatus[];
  readonly unlisted: () => readonly string[];
  readonly certificate: () => CertificateStatus;
  /** Why the server's own AWS credentials don't work; null once they did. */
  readonly credentialsProblem: () => string | null;
}

/**
 * Empty means ready. What breaks later doesn't end readiness: what is known still serves, and where
 * all replicas see the same trouble none would be left.
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
  return lines.map((line) => line.replaceAll(/\s+/g, " "));
}

/** The worst of all watches: a decision rests on each of them. */
export function oldestWatchSeconds(watches: readonly WatchStatus[]): number {
  return watches.length === 0 ? Infinity : Math.max(...watches.map((watch) => watch.ageSeconds));
}
