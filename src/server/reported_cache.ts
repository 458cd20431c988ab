/** The credential cache with metrics, logs and timeline attached. */
import type { ServerSettings } from "./config.ts";
import type { Log } from "../telemetry/log.ts";
import type { Clock } from "../time/clock.ts";
import type { ClusterIndex } from "./cluster/cluster_index.ts";
import { assumeWithWebIdentity } from "./credentials/web_identity.ts";
import type { AssumeRole, RequestToken } from "./ports.ts";
import type { Timeline } from "./timeline/timeline.ts";
import { failedEvent, issuedEvent } from "./timeline/timeline_events.ts";
import { CredentialCache } from "./credentials/credential_cache.ts";
import type { OwnIdentity } from "./credentials/own_identity.ts";
import type { CallReport, FaultReport } from "./credentials/credential_reports.ts";

interface ReportedCacheOptions {
  readonly settings: Pick<ServerSettings, "stsRate" | "stsBurst" | "stsConcurrency">;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly assumeRole: AssumeRole;
  readonly index: ClusterIndex;
  readonly requestToken: RequestToken;
  readonly tokenFenceProblem: () => Promise<string | null>;
  readonly log: Log;
  readonly own: OwnIdentity;
  readonly called: (report: CallReport) => void;
  readonly timeline: Timeline;
}

export function reportedCache(options: ReportedCacheOptions): CredentialCache {
  const { settings, clock, random, log, called, timeline } = options;
  return new CredentialCache({
    assumeRole: stsCalls(options),
    clock,
    random,
    rate: settings.stsRate,
    burst: settings.stsBurst,
    concurrency: settings.stsConcurrency,
    hooks: {
      onCall: called,
      onIssued: (report) => timeline.add(issuedEvent(report)),
      onFault: (report) => {
        timeline.add(failedEvent(report));
        logFault(log, report);
      },
    },
  });
}

/**
 * Only once the server's own roles are known, because those are never handed out. A server that looks
 * for credentials of its own on demand may have none, and a web identity doesn't need them.
 */
function stsCalls(
  { assumeRole, index, own, requestToken, tokenFenceProblem: fenceProblem }: ReportedCacheOptions,
): ConstructorParameters<typeof CredentialCache>[0]["assumeRole"] {
  const web = { assumeRole, requestToken, fenceProblem, pod: (uid: string) => index.pod(uid) };
  return async (identity, signal, { assumedBy, holders }) => {
    const { webIdentity } = identity;
    if (webIdentity === null || !own.isOnDemand) await own.whenKnown(signal);
    if (webIdentity !== null) {
      return await assumeWithWebIdentity(web, { ...identity, webIdentity }, holders, signal);
    }
    return await assumeRole(identity, signal, { assumedBy });
  };
}

function logFault(log: Log, { arn, sessionName, fault, attempts }: FaultReport): void {
  const fields = { roleArn: arn, sessionName, code: fault.code, message: fault.message, attempts };
  log.warn(fields, "credentials failed");
}
