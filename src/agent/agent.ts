/** Wires the agent together from its adapters; `main.ts` opens listeners, files and programs. */
import type { Hono } from "hono";
import type { Registry } from "@prometheus-io/client";
import type { AgentReport } from "../protocol/frames.ts";
import { createAdmin } from "../telemetry/admin_app.ts";
import type { ProcessUsage } from "../telemetry/process_metrics.ts";
import { Assignments } from "./assignments/assignments.ts";
import type { BootGuard } from "./boot_guard/command.ts";
import { canonicalAddresses } from "../net/ip_address.ts";
import { createCredentialsFront } from "./container_credentials/front.ts";
import { TokenPods } from "./container_credentials/token_pods.ts";
import type { AgentSettings } from "./config.ts";
import type { Front } from "./http/front.ts";
import type { ConnectionEnds } from "../net/http_messages.ts";
import { Callers } from "./identity/callers.ts";
import { createIdentity } from "./identity/identity.ts";
import type { KernelAccess } from "./identity/kernel_access.ts";
import { createImdsFront } from "./imds/front.ts";
import type { GetAccess } from "./server_client/server_access.ts";
import { runReporter } from "./server_client/reporter.ts";
import { AgentCounts } from "./metrics/agent_counts.ts";
import type { MetricSources } from "./metrics/metrics.ts";
import type { Clock, ContainerRuntime, Log, Upstream } from "./ports.ts";
import { missingForReadiness } from "./lifecycle/readiness.ts";
import type { InstanceCheck } from "./lifecycle/instance_check.ts";
import type { RedirectReconciler, RedirectStatus } from "./redirect/redirect_reconciler.ts";
import { refusedRequests } from "./http/refused_requests.ts";
import { ServerClient } from "./server_client/server_client.ts";
import { TokenlessRequests } from "./imds/tokenless_requests.ts";
import type { TokenKeys } from "./imds/token_keys.ts";

interface AgentOptions {
  readonly settings: Pick<
    AgentSettings,
    | "server"
    | "hostIp"
    | "hostIpv6"
    | "allowedHosts"
    | "passthrough"
    | "tokenRequired"
    | "podRate"
    | "graceMs"
    | "containerCredentials"
    | "identity"
    | "runtimeHandlers"
  >;
  readonly about: { readonly version: string; readonly runtime: string };
  readonly clock: Clock;
  readonly log: Log;
  /** Where the metrics are registered; a registry of their own by default. */
  readonly registry?: Registry;
  /** For the process' own metrics; none by default. */
  readonly processUsage?: () => ProcessUsage;
  /** From 0 up to 1; spreads load, decides nothing secret. */
  readonly random: () => number;
  readonly access: GetAccess;
  /** The addresses of the server's name. */
  readonly resolve: (name: string) => Promise<readonly string[]>;
  readonly upstream: Upstream;
  readonly tokenKeys: TokenKeys;
  /** null with `--redirect=none`. */
  readonly redirect: RedirectReconciler | null;
  /** null if the component isn't used. */
  readonly bootGuard: BootGuard | null;
  /** Whether the instance itself would answer pods; not checked by default. */
  readonly instance?: InstanceCheck;
  /** The host's `/proc`, opened once already; null if the kernel doesn't identify callers. */
  readonly kernel: KernelAccess | null;
  /** Runs beside the agent until the signal aborts. */
  readonly checks?: (signal: AbortSignal) => Promise<void>;
  /** null without `--cri-socket`. */
  readonly runtime: ContainerRuntime | null;
  /** One line for each address of the container credentials that isn't served. */
  readonly endpointsMissing?: () => readonly string[];
  /** Connections of pods, for the metrics. */
  readonly connections?: () => { readonly open: number; readonly refused: number } | undefined;
}

export interface Agent {
  /** To be called for each connection that the front's listener accepts. */
  accepted(connection: ConnectionEnds): void;
  /** Answers pods; a `Handler` for the listener. */
  readonly front: Front["answer"];
  /** Answers pods that send their token to `--container-credentials`, likewise. */
  readonly credentialsFront: Front["answer"];
  /** `/livez`, `/readyz`, `/metrics`. */
  readonly admin: Hono;
  /** All metrics; their registry is built at the first call. */
  metrics(): Promise<Registry>;
  /** One line for each reason why the agent isn't ready. */
  missing(): readonly string[];
  /** A complete snapshot has arrived, so pods can be answered. */
  readonly synced: boolean;
  /** Keeps the server connection, the reports and the redirect up until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

const notRedirecting: RedirectStatus = {
  kind: "none",
  inPlace: true,
  repairs: 0,
  lastError: null,
  guard: null,
};

export function createAgent(options: AgentOptions): Agent {
  const components = createComponents(options);
  const { server, assignments, identity } = components;
  const redirect = () => options.redirect?.status() ?? notRedirecting;
  const missing = () => [
    ...missingForReadiness(redirect(), server.status(), assignments),
    ...identity.missing(),
    ...options.endpointsMissing?.() ?? [],
  ];
  const readiness = { redirect, missing };
  let registry: Promise<Registry> | undefined;
  const metrics = () => registry ??= publish(options, components, readiness);
  return {
    accepted: (connection) => identity.source.accepted(connection),
    ...createFronts(options, components),
    admin: createAdmin({
      missing,
      notes: () => [`identity: ${identity.kind}`, ...bootGuardNote(options.bootGuard)],
      registry: metrics,
    }),
    metrics,
    missing,
    get synced() {
      return assignments.everSynced;
    },
    async run(signal) {
      await Promise.all([
        server.run(assignments, signal),
        options.redirect?.run(signal),
        options.instance?.run(signal),
        identity.run(signal),
        options.checks?.(signal),
        runReporter({
          clock: options.clock,
          address: () => server.status().address,
          report: () => reportOf(options, components, readiness),
          send: (body) => server.request("/v1/agent", body),
        }, signal),
      ]);
    },
  };
}

/** From the server's stream to the callers' pods, in the order of the data. */
function createComponents(options: AgentOptions) {
  const { settings, clock } = options;
  const server = new ServerClient({ ...options, server: settings.server });
  const ownAddresses = new Set(canonicalAddresses(nodeAddresses(settings)));
  const assignments = new Assignments({ clock, graceMs: settings.graceMs, ownAddresses });
  const counts = new AgentCounts();
  const tokenless = new TokenlessRequests(clock);
  const identity = createIdentity({
    ...options,
    identity: settings.identity,
    runtimeHandlers: settings.runtimeHandlers,
    assignments,
    readPod: (ip) => server.readPod(ip),
    ownAddresses,
    proved: counts.proved,
    disagreed: counts.disagreed,
  });
  const { source } = identity;
  const callers = new Callers({ clock, assignments, source, wanted: () => server.hurry() });
  return { server, assignments, counts, tokenless, identity, callers };
}

type Components = ReturnType<typeof createComponents>;

interface Readiness {
  readonly redirect: () => RedirectStatus;
  readonly missing: Agent["missing"];
}

function createFronts(
  { settings, clock, log, random, upstream, tokenKeys }: AgentOptions,
  { server, assignments, counts, tokenless, callers }: Components,
): Pick<Agent, "front" | "credentialsFront"> {
  const tokenPods = new TokenPods({
    clock,
    send: (body) => server.request("/v1/pod-tokens", body),
    isAssigned: (uid) => assignments.pod(uid) !== undefined,
    checked: counts.tokenChecked,
  });
  const shared = {
    pods: callers,
    clock,
    podRate: settings.podRate,
    answered: counts.answered,
    waited: counts.waited,
    refused: refusedRequests({
      random,
      report: (refused) => log.info(refused, "request refused"),
    }),
  };
  const imds = createImdsFront({
    ...shared,
    upstream,
    tokenKeys,
    allowedHosts: [...settings.allowedHosts, ...nodeAddresses(settings)],
    passthrough: settings.passthrough,
    tokenRequired: settings.tokenRequired,
    withoutToken: tokenless.add,
  });
  const credentials = createCredentialsFront({
    ...shared,
    podOfToken: (token, peer) => tokenPods.podOf(token, peer),
    addresses: settings.containerCredentials,
  });
  return { front: imds.answer, credentialsFront: credentials.answer };
}

async function publish(
  { about, clock, registry, processUsage, connections, instance, bootGuard }: AgentOptions,
  { server, assignments, counts, identity, callers }: Components,
  { redirect, missing }: Readiness,
): Promise<Registry> {
  const { publishMetrics } = await import("./metrics/metrics.ts");
  const sources: MetricSources = {
    now: () => clock.now(),
    assignments: () => assignments.size,
    waiting: () => callers.waiting,
    confirmed: () => assignments.confirmed,
    ready: () => missing().length === 0,
    link: () => server.status(),
    redirect,
    identity,
    processUsage,
    connections: () => connections?.(),
    instanceAnswers: () => instance?.answersWithoutToken() ?? null,
    bootGuard,
  };
  return publishMetrics(counts, about, sources, registry);
}

function reportOf(
  { about, instance, bootGuard }: AgentOptions,
  { assignments, identity, tokenless }: Components,
  { redirect, missing }: Readiness,
): AgentReport {
  const { kind, inPlace, repairs, guard } = redirect();
  const open = instance?.answersWithoutToken() ?? null;
  return {
    version: about.version,
    redirect: { kind, inPlace, repairs, ...guard && { guarded: guard.inPlace } },
    ...open !== null && { instanceAnswersWithoutToken: open },
    ...bootGuard !== null && { closedFromBoot: bootGuard.problem === null },
    ready: missing().length === 0,
    assignments: assignments.size,
    identity: identity.kind,
    ...identity.fallback !== null && { identityFallback: true },
    ...tokenless.report((uid) => assignments.pod(uid) !== undefined),
  };
}

function bootGuardNote(guard: BootGuard | null): readonly string[] {
  return guard === null ? [] : [guard.problem ?? "boot guard: unit in place"];
}

function nodeAddresses({ hostIp, hostIpv6 }: AgentOptions["settings"]): readonly string[] {
  return [hostIp, hostIpv6].filter((address) => address !== null);
}
