/** The credential cache with metrics, logs and timeline attached. */
import type { ServerSettings } from "./config.ts";
import type { Log } from "../telemetry/log.ts";
import type { Clock } from "../time/clock.ts";
import type { AssumeRole } from "./ports.ts";
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
  readonly log: Log;
  readonly own: OwnIdentity;
  readonly called: (report: CallReport) => void;
  readonly timeline: Timeline;
}

/** Waits until the server's own roles are known, because those are never handed out. */
export function reportedCache(
  { settings, clock, random, assumeRole, log, own, called, timeline }: ReportedCacheOptions,
): CredentialCache {
  return new CredentialCache({
    assumeRole: async (identity, signal, assumedBy) => {
      await own.whenKnown(signal);
      return await assumeRole(identity, signal, assumedBy);
    },
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

function logFault(log: Log, { arn, sessionName, fault, attempts }: FaultReport): void {
  const fields = { roleArn: arn, sessionName, code: fault.code, message: fault.message, attempts };
  log.warn(fields, "credentials failed");
}
