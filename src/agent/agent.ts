/**
 * The agent put together from ready adapters: what it holds, what it answers, what runs. Listening,
 * files and programs are `main.ts`'s.
 */
import type { Hono } from "hono";
import type { Registry } from "prom-client";
import { createAdmin } from "../telemetry/admin_app.ts";
import { AddressOwners } from "./assignments/address_owners.ts";
import { Assignments } from "./assignments/assignments.ts";
import { canonicalAddresses } from "../net/ip_address.ts";
import { createCredentialsFront } from "./container_credentials/front.ts";
import { TokenPods } from "./container_credentials/token_pods.ts";
import type { AgentSettings } from "./config.ts";
import type { Front } from "./http/front.ts";
import { createImdsFront } from "./imds/front.ts";
import type { GetAccess } from "./server_client/server_access.ts";
import { runReporter } from "./server_client/reporter.ts";
import { AgentCounts } from "./metrics/agent_counts.ts";
import { collectWhenIdle } from "./lifecycle/idle_gc.ts";
import type { MetricSources } from "./metrics/metrics.ts";
import type { Clock, ContainerRuntime, Log, Upstream } from "./ports.ts";
import { missingForReadiness } from "./lifecycle/readiness.ts";
import type { RedirectReconciler, RedirectStatus } from "./redirect/redirect_reconciler.ts";
import { refusedRequests } from "./http/refused_requests.ts";
import { ServerClient } from "./server_client/server_client.ts";
import type { TokenKeys } from "./imds/token_keys.ts";

export interface AgentOptions {
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
  >;
  readonly about: { readonly version: string; readonly runtime: string };
  readonly clock: Clock;
  readonly log: Log;
  /** Where metrics go; by default a registry of their own. */
  readonly registry?: Registry;
  /** 0 up to 1; draws moments and addresses, nothing secret. */
  readonly random: () => number;
  readonly access: GetAccess;
  /** The addresses of the server's name. */
  readonly resolve: (name: string) => Promise<readonly string[]>;
  readonly upstream: Upstream;
  readonly tokenKeys: TokenKeys;
  /** null where nothing is redirected. */
  readonly redirect: RedirectReconciler | null;
  /** With it, its READY sandboxes alone say whose an address is. */
  readonly runtime?: ContainerRuntime | null;
  /** One line for each address of the container credentials that isn't served. */
  readonly endpointsMissing?: () => readonly string[];
  /** Connections of pods, for the metrics. */
  readonly connections?: () => { readonly open: number; readonly refused: number } | undefined;
  /** Stops the program for some 50 ms to give memory back; called in lulls. */
  readonly collectGarbage?: () => void;
}

export interface Agent {
  /** Answers pods; fits the listener's `Handler`. */
  readonly front: Front["answer"];
  /** Answers pods that show their token at `--container-credentials`, likewise. */
  readonly credentialsFront: Front["answer"];
  /** `/livez`, `/readyz`, `/metrics`. */
  readonly admin: Hono;
  /** All metrics, their registry made by the first who asks. */
  metrics(): Promise<Registry>;
  /** One line for each thing that readiness lacks. */
  missing(): readonly string[];
  /** A whole snapshot has come, so pods can be answered. */
  readonly synced: boolean;
  /** Keeps link, reports and redirect going until the signal aborts. */
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
  const { settings, clock, log } = options;
  const owners = options.runtime
    ? new AddressOwners({
      runtime: options.runtime,
      clock,
      log,
      heard: () => assignments.wakeAll(),
    })
    : null;
  const assignments: Assignments = new Assignments({
    clock,
    graceMs: settings.graceMs,
    readPod: (ip) => link.readPod(ip),
    ownAddresses: new Set(canonicalAddresses(nodeAddresses(settings))),
    ...owners && { owners },
    wanted: () => link.hurry(),
  });
  const link: ServerClient = new ServerClient({
    clock,
    log,
    random: options.random,
    server: settings.server,
    access: options.access,
    resolve: options.resolve,
    openStream: () => assignments.openStream(),
  });
  const redirect = () => options.redirect?.status() ?? notRedirecting;
  const missing = () => [
    ...missingForReadiness(redirect(), link.status(), assignments, owners?.status()),
    ...options.endpointsMissing?.() ?? [],
  ];
  const counts = new AgentCounts();
  const sources: MetricSources = {
    now: () => clock.now(),
    assignments: () => assignments.size,
    waiting: () => assignments.waiting,
    confirmed: () => assignments.confirmed,
    ready: () => missing().length === 0,
    link: () => link.status(),
    redirect,
    runtime: () => owners?.status() ?? null,
    connections: () => options.connections?.(),
  };
  let published: Promise<Registry> | undefined;
  const metrics = () => published ??= publish(options, counts, sources);
  const tokenPods = new TokenPods({
    clock,
    ask: (body) => link.request("/v1/pod-tokens", body),
    isAssigned: (uid) => assignments.findUid(uid).kind !== "unknown",
    checked: counts.tokenChecked,
  });
  const refused = refusedRequests({
    random: options.random,
    tell: (refused) => log.info(refused, "request refused"),
  });
  return {
    front: createImdsFront({
      pods: assignments,
      upstream: options.upstream,
      clock,
      tokenKeys: options.tokenKeys,
      allowedHosts: [...settings.allowedHosts, ...nodeAddresses(settings)],
      passthrough: settings.passthrough,
      tokenRequired: settings.tokenRequired,
      podRate: settings.podRate,
      answered: counts.answered,
      waited: counts.waited,
      refused,
    }).answer,
    credentialsFront: createCredentialsFront({
      pods: assignments,
      podOfToken: (token, peer) => tokenPods.podOf(token, peer),
      clock,
      addresses: settings.containerCredentials,
      podRate: settings.podRate,
      answered: counts.answered,
      waited: counts.waited,
      refused,
    }).answer,
    admin: createAdmin({ missing, registry: metrics }),
    metrics,
    missing,
    get synced() {
      return assignments.everSynced;
    },
    async run(signal) {
      const { collectGarbage } = options;
      const answered = () => counts.requests.total;
      await Promise.all([
        collectGarbage && collectWhenIdle({ clock, answered, collectGarbage }, signal),
        link.run(signal),
        options.redirect?.run(signal),
        owners?.run(signal),
        runReporter({
          clock,
          address: () => link.status().address,
          report: () => reportOf(options, redirect(), missing().length === 0, assignments.size),
          send: (body) => link.request("/v1/agent", body),
        }, signal),
      ]);
    },
  };
}

async function publish(
  { about, registry }: AgentOptions,
  counts: AgentCounts,
  sources: MetricSources,
): Promise<Registry> {
  const { publishMetrics } = await import("./metrics/metrics.ts");
  return publishMetrics(counts, about, sources, registry);
}

function reportOf(options: AgentOptions, redirect: RedirectStatus, ready: boolean, held: number) {
  const { kind, inPlace, repairs, guard } = redirect;
  return {
    version: options.about.version,
    ready,
    redirect: { kind, inPlace, repairs, ...guard && { guarded: guard.inPlace } },
    assignments: held,
  };
}

function nodeAddresses({ hostIp, hostIpv6 }: AgentOptions["settings"]): readonly string[] {
  return [hostIp, hostIpv6].filter((address) => address !== null);
}
