/** Every metric of the server, prefix `rolecall_server_`; labels take few, known values. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { Assignment } from "./assignments/assignment_frame.ts";
import type { CallReport, CredentialStats } from "./credentials/credential_reports.ts";
import type { FeedEnd } from "./assignments/assignment_feed.ts";
import type { EventOutcome } from "./assignments/object_events.ts";
import type { WatchStatus } from "./readiness.ts";

/** What is read when metrics are asked for. */
export interface MetricSources {
  readonly watches: () => readonly WatchStatus[];
  readonly counts: () => { readonly pods: number; readonly namespaces: number };
  readonly held: () => Iterable<Assignment>;
  readonly credentials: () => CredentialStats;
  readonly streams: () => number;
  /** Milliseconds since the epoch; null without a certificate. */
  readonly certificateExpiresAt: () => number | null;
}

export interface ServerMetrics {
  request(route: string, status: number): void;
  stsCall(report: CallReport): void;
  streamEnded(why: FeedEnd): void;
  event(outcome: EventOutcome): void;
}

const prefix = "rolecall_server_";
const seconds = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];

export function createMetrics(
  registry: Registry,
  about: { readonly version: string; readonly runtime: string },
  sources: MetricSources,
): ServerMetrics {
  const registers = [registry];
  gauge("build_info", "1, with version and runtime as labels", ["version", "runtime"])
    .set({ version: about.version, runtime: about.runtime }, 1);
  watchGauges();
  credentialGauges();
  gauge("pods", "pods known", [], (own) => own.set(sources.counts().pods));
  gauge("namespaces", "namespaces known", [], (own) => own.set(sources.counts().namespaces));
  gauge("decisions", "pods of connected nodes by outcome", ["outcome", "reason"], (own) => {
    own.reset();
    for (const assignment of sources.held()) own.inc(outcomeOf(assignment));
  });
  gauge("agents_connected", "assignment streams open", [], (own) => own.set(sources.streams()));
  gauge(
    "certificate_expiry_timestamp_seconds",
    "when the serving certificate ends",
    [],
    (own) => own.set((sources.certificateExpiresAt() ?? 0) / 1000),
  );
  const requests = counter("requests_total", "requests of agents by route and code", [
    "route",
    "code",
  ]);
  const calls = counter("sts_calls_total", "AssumeRole calls by outcome", ["outcome"]);
  const ends = counter("agent_stream_ends_total", "streams ended by reason", ["why"]);
  const events = counter("events_total", "Kubernetes Events by outcome", ["outcome"]);
  const latency = histogram("sts_call_duration_seconds", "how long AssumeRole calls take");
  const waits = histogram("sts_queue_wait_seconds", "how long AssumeRole calls wait their turn");
  return {
    request: (route, status) => requests.inc({ route, code: String(status) }),
    stsCall: ({ outcome, durationMs, waitedMs }) => {
      calls.inc({ outcome });
      latency.observe(durationMs / 1000);
      waits.observe(waitedMs / 1000);
    },
    streamEnded: (why) => ends.inc({ why }),
    event: (outcome) => events.inc({ outcome }),
  };

  function watchGauges(): void {
    gauge("watch_age_seconds", "since the API server's last word", ["resource"], (own) => {
      for (const { resource, ageSeconds } of sources.watches()) own.set({ resource }, ageSeconds);
    });
    new Counter({
      name: `${prefix}watch_restarts_total`,
      help: "lists and watches that failed or broke off",
      labelNames: ["resource"],
      registers,
      collect() {
        this.reset();
        for (const { resource, restarts } of sources.watches()) this.inc({ resource }, restarts);
      },
    });
  }

  function credentialGauges(): void {
    gauge("credentials", "role identities held by state", ["state"], (own) => {
      const { pending, ready, failed } = sources.credentials();
      for (const [state, count] of Object.entries({ pending, ready, failed })) {
        own.set({ state }, count);
      }
    });
    gauge("credentials_oldest_seconds", "age of the oldest credentials served", [], (own) => {
      own.set(sources.credentials().oldestMs / 1000);
    });
    gauge("credentials_shortest_left_seconds", "what is left of those ending first", [], (own) => {
      const { shortestLeftMs } = sources.credentials();
      if (shortestLeftMs === null) own.remove();
      else own.set(shortestLeftMs / 1000);
    });
    gauge("sts_queue", "AssumeRole calls waiting by urgency", ["urgency"], (own) => {
      const { waiting } = sources.credentials().queue;
      for (const [urgency, count] of Object.entries(waiting)) own.set({ urgency }, count);
    });
    gauge("sts_queue_longest_wait_seconds", "how long the first in line waits", [], (own) => {
      own.set(sources.credentials().queue.longestWaitMs / 1000);
    });
    gauge("sts_calls_in_flight", "AssumeRole calls under way", [], (own) => {
      own.set(sources.credentials().queue.inFlight);
    });
  }

  function gauge(
    name: string,
    help: string,
    labelNames: readonly string[],
    collect?: (own: Gauge) => void,
  ): Gauge {
    const base = { name: prefix + name, help, labelNames: [...labelNames], registers };
    if (collect === undefined) return new Gauge(base);
    return new Gauge({
      ...base,
      collect() {
        collect(this);
      },
    });
  }

  function counter(name: string, help: string, labelNames: readonly string[]): Counter {
    return new Counter({ name: prefix + name, help, labelNames: [...labelNames], registers });
  }

  function histogram(name: string, help: string): Histogram {
    return new Histogram({ name: prefix + name, help, buckets: seconds, registers });
  }
}

function outcomeOf({ decision, credentials }: Assignment): { outcome: string; reason: string } {
  if (decision.kind === "denied") return { outcome: "denied", reason: decision.denial.reason };
  if (credentials?.kind === "failed") return { outcome: "failed", reason: credentials.reason };
  return { outcome: credentials?.kind ?? decision.kind, reason: "" };
}
