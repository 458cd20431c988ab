/**
 * The server's metrics, prefix `rolecall_server_`; labels of bounded cardinality only. Loaded with the
 * first scrape: counting needs none of it.
 */
import { Registry } from "@prometheus-io/client";
import { MetricSet } from "../telemetry/metric_set.ts";
import { processMetrics, type ProcessUsage } from "../telemetry/process_metrics.ts";
import type { Assignment } from "./assignments/assignment_frame.ts";
import type { CredentialStats } from "./credentials/credential_reports.ts";
import type { WatchStatus } from "./readiness.ts";
import type { ServerCounts } from "./server_counts.ts";

/** What each scrape reads. */
interface MetricSources {
  readonly watches: () => readonly WatchStatus[];
  readonly counts: () => { readonly pods: number; readonly namespaces: number };
  readonly held: () => Iterable<Assignment>;
  readonly credentials: () => CredentialStats;
  readonly streams: () => number;
  /** Milliseconds since the epoch; null without a certificate. */
  readonly certificateExpiresAt: () => number | null;
  readonly processUsage?: (() => ProcessUsage) | undefined;
}

const prefix = "rolecall_server_";

/** Puts them all into a registry, one of their own by default. */
export function publishMetrics(
  counts: ServerCounts,
  about: { readonly version: string; readonly runtime: string },
  sources: MetricSources,
  registry: Registry = new Registry(),
): Registry {
  const metrics = new MetricSet(registry, prefix);
  metrics.gauge("build_info", "1, with version and runtime as labels", ["version", "runtime"])
    .set({ version: about.version, runtime: about.runtime }, 1);
  countMetrics(metrics, counts);
  const latencyHelp = "duration of AssumeRole calls";
  counts.callTimes.register(registry, `${prefix}sts_call_duration_seconds`, latencyHelp);
  const waitsHelp = "time that AssumeRole calls spend in the queue";
  counts.queueWaits.register(registry, `${prefix}sts_queue_wait_seconds`, waitsHelp);
  observeWatches(metrics, sources);
  observeCredentials(metrics, sources);
  observeQueue(metrics, sources);
  observeCluster(metrics, sources);
  if (sources.processUsage !== undefined) processMetrics(registry, sources.processUsage);
  return registry;
}

function countMetrics(metrics: MetricSet, counts: ServerCounts): void {
  const requestsHelp = "requests from agents, by route and code";
  metrics.total("requests_total", requestsHelp, ["route", "code"], (own) => {
    for (const [route, codes] of counts.requests) {
      for (const [code, count] of codes) own.inc({ route, code: String(code) }, count);
    }
  });
  metrics.total("sts_calls_total", "AssumeRole calls, by outcome", ["outcome"], (own) => {
    for (const [outcome, count] of counts.stsCalls) own.inc({ outcome }, count);
  });
  const endsHelp = "assignment streams ended, by reason";
  metrics.total("agent_stream_ends_total", endsHelp, ["why"], (own) => {
    for (const [why, count] of counts.streamEnds) own.inc({ why }, count);
  });
  metrics.total("events_total", "Kubernetes Events, by outcome", ["outcome"], (own) => {
    for (const [outcome, count] of counts.events) own.inc({ outcome }, count);
  });
}

function observeWatches(metrics: MetricSet, { watches }: MetricSources): void {
  metrics.gauge("watch_age_seconds", "seconds since the last watch update", ["resource"], (own) => {
    for (const { resource, ageSeconds } of watches()) own.set({ resource }, ageSeconds);
  });
  const help = "lists and watches that failed or were interrupted";
  metrics.total("watch_restarts_total", help, ["resource"], (own) => {
    for (const { resource, restarts } of watches()) own.inc({ resource }, restarts);
  });
}

function observeCredentials(metrics: MetricSet, { credentials }: MetricSources): void {
  metrics.gauge(
    "credentials",
    "role identities in use, by state of their credentials",
    ["state"],
    (own) => {
      const { pending, ready, failed } = credentials();
      for (const [state, count] of Object.entries({ pending, ready, failed })) {
        own.set({ state }, count);
      }
    },
  );
  const help = "age in seconds of the oldest credentials in use";
  metrics.gauge("credentials_oldest_seconds", help, [], (own) => {
    own.set(credentials().oldestMs / 1000);
  });
  const leftHelp = "seconds until the earliest expiry of credentials in use";
  metrics.gauge("credentials_shortest_left_seconds", leftHelp, [], (own) => {
    const { shortestLeftMs } = credentials();
    if (shortestLeftMs === null) own.remove();
    else own.set(shortestLeftMs / 1000);
  });
}

function observeQueue(metrics: MetricSet, { credentials }: MetricSources): void {
  metrics.gauge("sts_queue", "AssumeRole calls in the queue, by urgency", ["urgency"], (own) => {
    const { waiting } = credentials().queue;
    for (const [urgency, count] of Object.entries(waiting)) own.set({ urgency }, count);
  });
  const help = "seconds that the oldest call in the queue has waited";
  metrics.gauge("sts_queue_longest_wait_seconds", help, [], (own) => {
    own.set(credentials().queue.longestWaitMs / 1000);
  });
  const rateHelp =
    "AssumeRole calls per second allowed at present; below --sts-rate after throttling";
  metrics.gauge("sts_rate", rateHelp, [], (own) => own.set(credentials().queue.ratePerSecond));
  metrics.gauge("sts_calls_in_flight", "AssumeRole calls in flight", [], (own) => {
    own.set(credentials().queue.inFlight);
  });
}

function observeCluster(metrics: MetricSet, sources: MetricSources): void {
  metrics.gauge("pods", "pods in the index", [], (own) => own.set(sources.counts().pods));
  metrics.gauge("namespaces", "namespaces in the index", [], (own) => {
    own.set(sources.counts().namespaces);
  });
  const help = "pods on connected nodes, by outcome";
  metrics.gauge("decisions", help, ["outcome", "reason"], (own) => {
    own.reset();
    for (const assignment of sources.held()) {
      // Its namespace or ServiceAccount may be deleted before it is: not a denial to report.
      if (assignment.pod.terminating && assignment.decision.kind === "denied") continue;
      own.inc(outcomeOf(assignment));
    }
  });
  metrics.gauge("agents_connected", "open assignment streams", [], (own) => {
    own.set(sources.streams());
  });
  const expiryHelp = "expiry of the serving certificate, as a Unix time";
  metrics.gauge("certificate_expiry_timestamp_seconds", expiryHelp, [], (own) => {
    own.set((sources.certificateExpiresAt() ?? 0) / 1000);
  });
}

function outcomeOf({ decision, credentials }: Assignment): { outcome: string; reason: string } {
  if (decision.kind === "denied") return { outcome: "denied", reason: decision.denial.reason };
  if (credentials?.kind === "failed") return { outcome: "failed", reason: credentials.reason };
  return { outcome: credentials?.kind ?? decision.kind, reason: "" };
}
