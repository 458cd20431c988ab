/** Every metric of the agent, prefix `rolecall_agent_`; labels take few, known values. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { RuntimeStatus } from "./assignments/address_owners.ts";
import { RequestTally } from "./request_tally.ts";
import type { LinkStatus } from "./link/server_link.ts";
import type { RedirectStatus } from "./redirect/redirect_keeper.ts";

/** What is read when metrics are asked for. */
export interface MetricSources {
  readonly now: () => number;
  readonly assignments: () => number;
  readonly waiting: () => number;
  readonly confirmed: () => boolean;
  readonly ready: () => boolean;
  readonly link: () => LinkStatus;
  readonly redirect: () => RedirectStatus;
  /** The container runtime's word on addresses; null without it. */
  readonly runtime?: () => RuntimeStatus | null;
  /** Of pods; undefined before anything listens. */
  readonly connections: () => { readonly open: number; readonly refused: number } | undefined;
}

export interface AgentMetrics {
  answered(handler: string, status: number, ms: number): void;
  waited(ms: number): void;
  tokenChecked(outcome: "verified" | "refused" | "unavailable"): void;
}

const prefix = "rolecall_agent_";
/** From memory an answer takes microseconds; a wait for the server at most 0.9 s. */
const seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

export function createMetrics(
  registry: Registry,
  about: { readonly version: string; readonly runtime: string },
  sources: MetricSources,
): AgentMetrics {
  const registers = [registry];
  gauge("build_info", "1, with version and runtime as labels", ["version", "runtime"])
    .set({ version: about.version, runtime: about.runtime }, 1);
  stateGauges();
  redirectGauges();
  const tally = new RequestTally(seconds);
  counter(
    "requests_total",
    "requests by handler and code; metadata = passed on or not allowed, blocked = credentials of the node",
    ["handler", "code"],
    (own) => {
      own.reset();
      for (const { handler, code, count } of tally.counts()) own.inc({ handler, code }, count);
    },
  );
  const latency = "from a request's arrival to its answer, by handler";
  tally.register(registry, `${prefix}request_duration_seconds`, latency);
  const waits = new Histogram({
    name: `${prefix}pod_wait_seconds`,
    help: "how long requests waited for their pod or its credentials",
    buckets: seconds,
    registers,
  });
  const tokenChecks = counter(
    "pod_token_checks_total",
    "pods' tokens that the server was asked about for container credentials, by outcome",
    ["outcome"],
  );
  return {
    answered: (handler, status, ms) => tally.add(handler, status, ms),
    waited: (ms) => waits.observe(ms / 1000),
    tokenChecked: (outcome) => tokenChecks.inc({ outcome }),
  };

  function stateGauges(): void {
    gauge("assignments", "pods assigned to this node", [], (own) => own.set(sources.assignments()));
    gauge("requests_waiting", "requests that wait for word of their pod", [], (own) => {
      own.set(sources.waiting());
    });
    gauge("ready", "1 when ready", [], (own) => own.set(Number(sources.ready())));
    gauge("stream_connected", "1 while a stream of assignments is open", [], (own) => {
      own.set(Number(sources.link().connected));
    });
    gauge("assignments_confirmed", "1 while the server's word is fresh enough", [], (own) => {
      own.set(Number(sources.confirmed()));
    });
    gauge("last_frame_age_seconds", "since the server was last heard; -1 = never", [], (own) => {
      const { lastFrameAt } = sources.link();
      own.set(lastFrameAt === null ? -1 : (sources.now() - lastFrameAt) / 1000);
    });
    gauge(
      "runtime_answering",
      "1 while the container runtime answers; -1 = not asked",
      [],
      (own) => {
        const runtime = sources.runtime?.() ?? null;
        own.set(runtime === null ? -1 : Number(runtime.problem === null));
      },
    );
    gauge("runtime_sandboxes", "READY sandboxes by the container runtime", [], (own) => {
      own.set(sources.runtime?.()?.sandboxes ?? 0);
    });
    gauge("connections_open", "connections of pods", [], (own) => {
      own.set(sources.connections()?.open ?? 0);
    });
    counter("connections_refused_total", "connections closed for a limit", [], (own) => {
      own.reset();
      own.inc(sources.connections()?.refused ?? 0);
    });
  }

  function redirectGauges(): void {
    gauge("redirect_in_place", "1 while the redirect is in place, by kind", ["kind"], (own) => {
      const { kind, inPlace } = sources.redirect();
      own.reset();
      own.set({ kind }, Number(inPlace));
    });
    counter("redirect_repairs_total", "times the redirect had to be put back", [], (own) => {
      own.reset();
      own.inc(sources.redirect().repairs);
    });
    gauge(
      "route_guard_in_place",
      "1 while routing keeps pods off the metadata service, or where nothing is redirected",
      [],
      (own) => own.set(Number(sources.redirect().guard?.inPlace ?? true)),
    );
    counter("route_guard_repairs_total", "times routing rules had to be put back", [], (own) => {
      own.reset();
      own.inc(sources.redirect().guard?.repairs ?? 0);
    });
  }

  function gauge(
    name: string,
    help: string,
    labelNames: string[],
    collect?: (own: Gauge) => void,
  ): Gauge {
    return new Gauge({
      name: prefix + name,
      help,
      labelNames,
      registers,
      ...(collect && {
        collect() {
          collect(this);
        },
      }),
    });
  }

  function counter(
    name: string,
    help: string,
    labelNames: string[],
    collect?: (own: Counter) => void,
  ): Counter {
    return new Counter({
      name: prefix + name,
      help,
      labelNames,
      registers,
      ...(collect && {
        collect() {
          collect(this);
        },
      }),
    });
  }
}
