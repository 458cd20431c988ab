/**
 * The server without adapters: joins index, policy, credentials, feed and pages. `main.ts` and `dev`
 * supply Kubernetes and AWS (or stand-ins) and the listeners.
 */
import type { Hono } from "hono";
import type { Registry } from "@prometheus-io/client";
import { createPolicy } from "../policy/decide.ts";
import { createAdmin } from "../telemetry/admin_app.ts";
import { type Agent, agentIdentity } from "./access/agent_identity.ts";
import { AgentStreams } from "./assignments/agent_streams.ts";
import { createApp } from "./app.ts";
import { Assigner } from "./assignments/assigner.ts";
import { assignmentObserver, reportNamespaces } from "./assignments/assignment_observer.ts";
import { ClusterIndex } from "./cluster/cluster_index.ts";
import type { ServerSettings } from "./config.ts";
import { reportedCache } from "./reported_cache.ts";
import { DirectRead, type ReadPodsByAddress } from "./assignments/direct_read.ts";
import { mergeSummaries } from "./status/data/merged_summary.ts";
import { type Renewal, type RenewalRequest, renewSessions } from "./credentials/renewal.ts";
import { type EventSink, ObjectEvents } from "./assignments/object_events.ts";
import { OwnIdentity, type ReadCallerArns } from "./credentials/own_identity.ts";
import { isCaller, policySettings } from "./policy_settings.ts";
import { podExplanation } from "./status/data/pod_explanation.ts";
import type { Log } from "../telemetry/log.ts";
import type { Clock } from "../time/clock.ts";
import type { AssumeRole, PeerEnv, RequestToken, ReviewAccess, ReviewToken } from "./ports.ts";
import {
  type CertificateStatus,
  missingForReadiness,
  oldestWatchSeconds,
  type WatchStatus,
} from "./readiness.ts";
import type { Replicas } from "./status/data/replicas.ts";
import { statusAccess } from "./access/status_access.ts";
import { ReviewedTokens } from "./access/reviewed_tokens.ts";
import { createStatusApp } from "./status/status_app.ts";
import { ServerCounts } from "./server_counts.ts";
import type { ProcessUsage } from "../telemetry/process_metrics.ts";
import { type PodName, type Summary, summaryOf } from "./status/data/summary.ts";
import { TokenlessPods } from "./status/data/tokenless_pods.ts";
import { Timeline } from "./timeline/timeline.ts";
import { aborted, pause } from "../time/pause.ts";

/** How long a node's credentials are kept after its agent's last stream has ended. */
const nodeGraceMs = 60_000;
/** How often to check for a policy on token requests that isn't in place yet. */
const fenceRetryMs = 10_000;

export interface ServerOptions {
  readonly settings: ServerSettings;
  readonly about: {
    readonly version: string;
    /** Such as `deno 2.9.6`. */
    readonly runtime: string;
    /** This replica's name, such as its pod's. */
    readonly replica: string;
  };
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly log: Log;
  /** For all metrics, filled once they are loaded; by default one of its own at the first scrape. */
  readonly registry?: Registry;
  readonly processUsage?: () => ProcessUsage;
  readonly assumeRole: AssumeRole;
  readonly readCallerArns: ReadCallerArns;
  readonly requestToken: RequestToken;
  /** Why no ServiceAccount token may be requested; null if the policy that limits them is in place. */
  readonly tokenFenceProblem: () => Promise<string | null>;
  readonly reviewToken: ReviewToken;
  readonly reviewAccess: ReviewAccess;
  /** The server's own pod; null outside a cluster. */
  readonly ownPod: PodName | null;
  readonly readPodsByAddress: ReadPodsByAddress;
  readonly eventSink: EventSink;
  /** The lists and watches that feed `index`. */
  readonly watches: () => readonly WatchStatus[];
  readonly certificate: () => CertificateStatus;
  /** `system:serviceaccount:NAMESPACE:NAME` of the server itself; null outside a cluster. */
  readonly ownUsername: () => Promise<string | null>;
  readonly replicas: Replicas;
  /** A node's agent has reported that it is ready. */
  readonly agentReady: (node: string) => void;
}

export interface Server {
  /** Fed by lists and watches. */
  readonly index: ClusterIndex;
  /** For agents; HTTPS. */
  readonly app: Hono<PeerEnv>;
  readonly admin: Hono;
  /** All metrics; their registry is built at the first call. */
  metrics(): Promise<Registry>;
  readonly statusApp: Hono<PeerEnv>;
  readonly summary: () => Summary;
  /** What keeps it from being ready, one line each. */
  readonly missing: () => readonly string[];
  /** Runs until `signal` aborts, then ends all streams and drops all credentials. */
  run(signal: AbortSignal): Promise<void>;
}

export function createServer(options: ServerOptions): Server {
  const { settings, log } = options;
  const components = createComponents(options);
  const { index, own, streams, cache, events } = components;
  const stopping = new AbortController();
  const fence = { problem: settings.policy.assumeWith === "server" ? null : "not checked yet" };
  const missing = () =>
    stopping.signal.aborted ? ["stopping"] : missingForReadiness({
      watches: options.watches,
      unlisted: () => index.unlisted,
      certificate: options.certificate,
      credentialsProblem: () => credentialsProblem(settings, own),
      tokensProblem: () => fence.problem,
    });
  const summary = summaryMaker(options, components, missing);
  const tokens = new ReviewedTokens({ ...options, attempts: { perSecond: 5, burst: 20 } });
  const failed = (error: Error, route: string) =>
    log.error({ route, error: String(error.stack ?? error) }, "request failed");
  const renew = (request: RenewalRequest): Renewal => {
    const renewing = renewSessions(cache, request);
    log.info({ sessions: request.sessions.length, renewing }, "renewal requested");
    return { replica: options.about.replica, renewing, problem: null };
  };
  let registry: Promise<Registry> | undefined;
  const metrics = () => registry ??= publish(options, components);
  if (options.registry !== undefined) void metrics();
  const core = { ...components, renew, tokens, summary, failed, stopping: stopping.signal };
  return {
    index,
    app: agentApp(options, core),
    admin: createAdmin({ missing, registry: metrics }),
    metrics,
    statusApp: statusApp(options, core),
    summary,
    missing,
    async run(signal) {
      await Promise.all([own.run(signal), awaitTokenFence(options, fence, signal)]);
      await aborted(signal);
      stopping.abort();
      streams.close();
      events.close();
      cache.close();
    },
  };
}

/** From the index to the agents' streams, in the order of the data. */
function createComponents(options: ServerOptions) {
  const { settings, clock, log } = options;
  const index = new ClusterIndex();
  const counts = new ServerCounts();
  const timeline = new Timeline(clock);
  const events = new ObjectEvents({
    sink: options.eventSink,
    clock,
    log,
    counted: counts.eventEnded,
    isEnding: (namespace) => index.isEnding(namespace),
  });
  const policy = createPolicy(policySettings(settings, []));
  reportNamespaces({ index, events, problemOf: policy.namespaceProblem });
  const { assumeWith, roleBaseArn } = settings.policy;
  // Looking for credentials, the SDK would query the metadata service for the node's role.
  const onDemand = assumeWith === "service-account" && roleBaseArn !== null;
  const own = new OwnIdentity({ ...options, onDemand });
  const cache = reportedCache({ ...options, index, own, timeline, called: counts.called });
  const assigned = assignmentObserver({ index, events, log, clock, timeline });
  const assigner = new Assigner({ index, cache, policy, clock, nodeGraceMs, assigned });
  own.subscribe((arns) => {
    const callers = arns.filter((arn) => isCaller(arn, log));
    assigner.setPolicy(createPolicy(policySettings(settings, callers)));
  });
  const streams = new AgentStreams({
    index,
    assigner,
    clock,
    log,
    watchAgeSeconds: () => oldestWatchSeconds(options.watches()),
    serviceAccount: settings.agentServiceAccount,
    ended: counts.streamEnded,
  });
  const tokenless = new TokenlessPods(index);
  return { index, counts, timeline, events, own, cache, assigner, streams, tokenless };
}

type Components = ReturnType<typeof createComponents>;

async function publish(
  { about, certificate, processUsage, registry, watches }: ServerOptions,
  { index, counts, cache, assigner, streams }: Components,
): Promise<Registry> {
  const { publishMetrics } = await import("./metrics.ts");
  const sources = {
    watches,
    counts: () => index.counts(),
    held: () => assigner.held(),
    credentials: () => cache.stats(),
    streams: () => streams.streamCount,
    certificateExpiresAt: () => certificate().expiresAt,
    processUsage,
  };
  return publishMetrics(counts, about, sources, registry);
}

/** All pods, or one. */
function summaryMaker(
  { about, certificate, clock, random, watches }: ServerOptions,
  { index, assigner, streams, cache, tokenless, timeline, own }: Components,
  missing: Server["missing"],
): Core["summary"] {
  const instance = random().toString(36).slice(2);
  return (only) =>
    summaryOf({
      ...about,
      instance,
      now: () => clock.now(),
      missing,
      watchAgeSeconds: () => oldestWatchSeconds(watches()),
      callerArns: () => own.arns,
      index,
      assigner,
      agents: () => streams.statuses(),
      inspect: (key) => cache.inspect(key),
      inspectAll: () => cache.entries(),
      lastWithoutToken: (uid) => tokenless.lastOf(uid),
      certificate,
      timeline: () => timeline.view(),
    }, only);
}

/** With ServiceAccount tokens, the server's own credentials matter only if they give the role base. */
function credentialsProblem({ policy }: ServerSettings, own: OwnIdentity): string | null {
  if (policy.assumeWith === "server" || own.problem === null) return own.problem;
  return policy.roleBaseArn === null
    ? `${own.problem}; set --role-base-arn to do without them`
    : null;
}

/** Waits until the policy on token requests is in place; each token request checks it again. */
async function awaitTokenFence(
  { clock, log, tokenFenceProblem }: ServerOptions,
  fence: { problem: string | null },
  signal: AbortSignal,
): Promise<void> {
  while (fence.problem !== null && !signal.aborted) {
    fence.problem = await tokenFenceProblem();
    if (fence.problem === null) return;
    log.warn({ problem: fence.problem }, "no ServiceAccount tokens are requested");
    await pause(clock, fenceRetryMs, signal);
  }
}

/** What both apps need. */
interface Core extends Components {
  readonly tokens: ReviewedTokens;
  readonly summary: (only?: PodName) => Summary;
  readonly renew: (request: RenewalRequest) => Renewal;
  readonly failed: (error: Error, route: string) => void;
  /** Aborts when the server stops. */
  readonly stopping: AbortSignal;
}

function agentApp(options: ServerOptions, core: Core): Hono<PeerEnv> {
  const { settings, log } = options;
  const { index, assigner, streams, counts, tokens, summary } = core;
  const { tokenAudience: audience, agentServiceAccount: serviceAccount } = settings;
  // An agent passes on the tokens of all pods on its node.
  const podTokens = new ReviewedTokens({ ...options, attempts: { perSecond: 50, burst: 500 } });
  return createApp({
    index,
    identifyAgent: agentIdentity({ index, tokens, audience, serviceAccount }),
    streams,
    directRead: new DirectRead({ ...options, index, assigner }),
    tokens,
    podTokens,
    audience,
    podAudience: settings.podTokenAudience,
    ownUsername: options.ownUsername,
    summary,
    renew: core.renew,
    notReady: () => notReady(settings, core),
    agentReported: ({ node }: Agent, report) => {
      core.tokenless.reported(node, report);
      if (report.ready) options.agentReady(node);
    },
    answered: counts.answered,
    random: options.random,
    refused: (request) => log.info(request, "request refused"),
    failed: core.failed,
  });
}

/** Why agents aren't served yet; null once they are. */
function notReady(settings: ServerSettings, { index, own, stopping }: Core): string | null {
  if (stopping.aborted) return "stopping";
  if (!index.synced) return `not listed yet: ${index.unlisted.join(", ")}`;
  if (settings.policy.roleBaseArn === null && !own.knownOrOverdue) {
    return "the server's own AWS account is not known yet";
  }
  return null;
}

function statusApp(options: ServerOptions, core: Core): Hono<PeerEnv> {
  const { clock, replicas, settings } = options;
  const { index, assigner, tokens, stopping } = core;
  const summary = async (only?: PodName) =>
    mergeSummaries(core.summary(only), await replicas.summaries(only));
  return createStatusApp({
    access: statusAccess({ ...options, mode: settings.statusAuth, index, tokens }),
    summary,
    failed: core.failed,
    unlisted: () => index.unlisted,
    clock,
    signal: stopping,
    explanation: (name) => podExplanation({ index, assigner, summary }, name),
    renew: async (request) => {
      const own = core.renew(request);
      const answers = await replicas.renew(request);
      return [own, ...answers.filter(({ replica }) => replica !== own.replica)];
    },
  });
}
