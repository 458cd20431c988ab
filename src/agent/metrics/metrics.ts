/**
 * Every metric of the agent, prefix `rolecall_agent_`; labels take few, known values. Loaded
 * with the first scrape: counting needs none of it.
 */
import { Registry } from "@prometheus-io/client";
import { MetricSet } from "../../telemetry/metric_set.ts";
import { processMetrics, type ProcessUsage } from "../../telemetry/process_metrics.ts";
import type { BootGuard } from "../boot_guard/command.ts";
import type { Identity } from "../identity/identity.ts";
import type { ServerClientStatus } from "../server_client/server_client.ts";
import type { AgentCounts } from "./agent_counts.ts";
import type { RedirectStatus } from "../redirect/redirect_reconciler.ts";

/** What each scrape reads. */
export interface MetricSources {
  readonly now: () => number;
  readonly assignments: () => number;
  readonly waiting: () => number;
  readonly confirmed: () => boolean;
  readonly ready: () => boolean;
  readonly link: () => ServerClientStatus;
  readonly redirect: () => RedirectStatus;
  readonly identity: Identity;
  /** Whether the instance answers requests without a token; null = not known. */
  readonly instanceAnswers: () => boolean | null;
  /** null = not used. */
  readonly bootGuard: BootGuard | null;
  readonly processUsage?: (() => ProcessUsage) | undefined;
  /** Of pods; undefined before anything listens. */
  readonly connections: () => { readonly open: number; readonly refused: number } | undefined;
}

const prefix = "rolecall_agent_";

/** Puts them all into a registry, one of their own by default. */
export function publishMetrics(
  counts: AgentCounts,
  about: { readonly version: string; readonly runtime: string },
  sources: MetricSources,
  registry: Registry = new Registry(),
): Registry {
  const metrics = new MetricSet(registry, prefix);
  metrics.gauge("build_info", "1, with version and runtime as labels", ["version", "runtime"])
    .set({ version: about.version, runtime: about.runtime }, 1);
  assignmentMetrics(metrics, sources);
  serverMetrics(metrics, sources);
  connectionMetrics(metrics, sources);
  redirectMetrics(metrics, sources);
  identityMetrics(metrics, counts, sources);
  nodeMetrics(metrics, sources);
  metrics.total(
    "requests_total",
    "requests by handler and code; metadata = passed on or not allowed, blocked = credentials of the node",
    ["handler", "code"],
    (own) => {
      for (const { handler, code, count } of counts.requests.counts()) {
        own.inc({ handler, code }, count);
      }
    },
  );
  const latency = "from a request's arrival to its answer, by handler";
  counts.requests.register(registry, `${prefix}request_duration_seconds`, latency, ["handler"]);
  const waiting = "how long requests waited for their pod or its credentials";
  counts.waits.register(registry, `${prefix}pod_wait_seconds`, waiting);
  metrics.total(
    "pod_token_checks_total",
    "pods' tokens for container credentials that the server checked, by outcome",
    ["outcome"],
    (own) => {
      for (const [outcome, count] of counts.tokenChecks) own.inc({ outcome }, count);
    },
  );
  if (sources.processUsage !== undefined) processMetrics(registry, sources.processUsage);
  return registry;
}

function nodeMetrics(metrics: MetricSet, { instanceAnswers, bootGuard }: MetricSources): void {
  metrics.gauge(
    "instance_answers_without_token",
    "1 if the instance's own metadata service takes requests without a token; -1 = not known",
    [],
    (own) => own.set(Number(instanceAnswers() ?? -1)),
  );
  metrics.gauge(
    "boot_guard_in_place",
    "1 if the unit that closes this node from boot is in place; -1 = not used",
    [],
    (own) => own.set(bootGuard === null ? -1 : Number(bootGuard.problem === null)),
  );
}

function assignmentMetrics(metrics: MetricSet, sources: MetricSources): void {
  metrics.gauge("assignments", "pods assigned to this node", [], (own) => {
    own.set(sources.assignments());
  });
  metrics.gauge(
    "requests_waiting",
    "requests that wait for their pod or its credentials",
    [],
    (own) => {
      own.set(sources.waiting());
    },
  );
  metrics.flag("ready", "1 when ready", sources.ready);
}

function identityMetrics(
  metrics: MetricSet,
  counts: AgentCounts,
  { identity }: MetricSources,
): void {
  metrics.gauge("identity", "1 for the source that identifies pods", ["kind"], (own) => {
    own.set({ kind: identity.kind }, 1);
  });
  metrics.flag(
    "identity_fallback",
    "1 if --identity=auto had to do without the kernel",
    () => identity.fallback !== null,
  );
  metrics.total(
    "identity_proofs_total",
    "connections by what the kernel showed of them",
    ["outcome"],
    (own) => {
      for (const [outcome, count] of counts.proofs) own.inc({ outcome }, count);
    },
  );
  metrics.total(
    "identity_disagreements_total",
    "with --identity=address: connections for which the kernel shows another pod, or none",
    [],
    (own) => own.inc(counts.disagreements),
  );
  metrics.gauge(
    "runtime_answering",
    "1 while the container runtime answers; -1 = not used",
    [],
    (own) => {
      const runtime = identity.runtime();
      own.set(runtime === null ? -1 : Number(runtime.problem === null));
    },
  );
  metrics.gauge("runtime_sandboxes", "READY sandboxes by the container runtime", [], (own) => {
    own.set(identity.runtime()?.sandboxes ?? 0);
  });
}

function serverMetrics(metrics: MetricSet, { link, confirmed, now }: MetricSources): void {
  metrics.flag("stream_connected", "1 while a stream of assignments is open", () => {
    return link().connected;
  });
  metrics.flag(
    "assignments_confirmed",
    "1 while the server has confirmed the assignments recently enough",
    confirmed,
  );
  const help = "since the last frame from the server; -1 = never";
  metrics.gauge("last_frame_age_seconds", help, [], (own) => {
    const { lastFrameAt } = link();
    own.set(lastFrameAt === null ? -1 : (now() - lastFrameAt) / 1000);
  });
}

function connectionMetrics(metrics: MetricSet, { connections }: MetricSources): void {
  metrics.gauge("connections_open", "connections of pods", [], (own) => {
    own.set(connections()?.open ?? 0);
  });
  metrics.total("connections_refused_total", "connections closed for a limit", [], (own) => {
    own.inc(connections()?.refused ?? 0);
  });
}

function redirectMetrics(metrics: MetricSet, { redirect }: MetricSources): void {
  const help = "1 while the redirect is in place, by kind";
  metrics.gauge("redirect_in_place", help, ["kind"], (own) => {
    const { kind, inPlace } = redirect();
    own.reset();
    own.set({ kind }, Number(inPlace));
  });
  metrics.total("redirect_repairs_total", "times the redirect had to be put back", [], (own) => {
    own.inc(redirect().repairs);
  });
  metrics.flag(
    "route_guard_in_place",
    "1 while routing keeps pods off the metadata service, or where nothing is redirected",
    () => redirect().guard?.inPlace ?? true,
  );
  const guardHelp = "times routing rules had to be put back";
  metrics.total("route_guard_repairs_total", guardHelp, [], (own) => {
    own.inc(redirect().guard?.repairs ?? 0);
  });
}
