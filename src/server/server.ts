/**
 * The server without its surroundings: joins index, policy, credentials, feed and pages. Whoever
 * has the adapters (Kubernetes and AWS, or stand-ins) makes one and listens.
 */
import type { Hono } from "hono";
import type { Registry } from "prom-client";
import { createPolicy } from "../policy/decide.ts";
import { identityKey } from "../policy/role_identity.ts";
import { createAdmin } from "../telemetry/admin_app.ts";
import { type Agent, agentIdentity } from "./access/agent_identity.ts";
import { AgentStreams } from "./assignments/agent_streams.ts";
import { type AppEnv, createApp } from "./app.ts";
import { Assigner } from "./assignments/assigner.ts";
import { assignmentNews } from "./assignments/assignment_news.ts";
import { ClusterIndex } from "./cluster/cluster_index.ts";
import type { ServerSettings } from "./config.ts";
import { reportedCache } from "./credentials/reported_cache.ts";
import { DirectRead, type ReadPodsByAddress } from "./assignments/direct_read.ts";
import { mergeSummaries } from "./status/data/merged_summary.ts";
import { createMetrics } from "./metrics.ts";
import { namespaceNews } from "./assignments/namespace_news.ts";
import { type EventSink, ObjectEvents } from "./assignments/object_events.ts";
import { OwnIdentity, type ReadCallerArns } from "./credentials/own_identity.ts";
import { isCaller, policySettings } from "./policy_settings.ts";
import { podExplanation } from "./status/data/pod_explanation.ts";
import type { AssumeRole, Clock, Log, ReviewToken } from "./ports.ts";
import {
  type CertificateStatus,
  missingForReadiness,
  oldestWatchSeconds,
  type WatchStatus,
} from "./readiness.ts";
import type { AskReplicas } from "./status/data/replicas.ts";
import { ReviewedTokens } from "./access/reviewed_tokens.ts";
import { createStatusApp } from "./status/status_app.ts";
import { type PodName, type Summary, summaryOf } from "./status/data/summary.ts";
import { Timeline } from "./timeline/timeline.ts";
import { aborted } from "../time/aborted.ts";

/** How long a node's credentials are kept after its agent's last stream. */
const nodeGraceMs = 60_000;

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
  readonly registry: Registry;
  readonly assumeRole: AssumeRole;
  readonly readCallerArns: ReadCallerArns;
  readonly reviewToken: ReviewToken;
  readonly readPodsByAddress: ReadPodsByAddress;
  readonly eventSink: EventSink;
  /** How the lists and watches that feed `index` stand. */
  readonly watches: () => readonly WatchStatus[];
  readonly certificate: () => CertificateStatus;
  /** `system:serviceaccount:NAMESPACE:NAME` of the server itself; null where it has none. */
  readonly ownUsername: () => Promise<string | null>;
  readonly askReplicas: AskReplicas;
  /** A node's agent has said that it is ready. */
  readonly agentReady: (node: string) => void;
}

export interface Server {
  /** Fed by lists and watches. */
  readonly index: ClusterIndex;
  /** For agents; HTTPS. */
  readonly app: Hono<AppEnv>;
  readonly admin: Hono;
  readonly statusApp: Hono;
  readonly summary: () => Summary;
  /** What keeps it from being ready, one line each. */
  readonly missing: () => readonly string[];
  /** Works until `signal` aborts, then ends every stream and lets all credentials go. */
  run(signal: AbortSignal): Promise<void>;
}

export function createServer(options: ServerOptions): Server {
  const { settings, about, clock, log, registry } = options;
  const index = new ClusterIndex();
  const watchAgeSeconds = () => oldestWatchSeconds(options.watches());

  const metrics = createMetrics(registry, about, {
    watches: options.watches,
    counts: () => index.counts(),
    held: () => assigner.held(),
    credentials: () => keeper.stats(),
    streams: () => streams.streamCount,
    certificateExpiresAt: () => options.certificate().expiresAt,
  });
  const events = new ObjectEvents({ sink: options.eventSink, clock, log, counted: metrics.event });
  const timeline = new Timeline(clock);
  const keeper = reportedCache(options, {
    whenKnown: (signal) => own.whenKnown(signal),
    changed: (key) => assigner.credentialsChanged(key),
    called: metrics.stsCall,
    timeline,
  });

  let policy = createPolicy(policySettings(settings, []));
  const own: OwnIdentity = new OwnIdentity({
    readCallerArns: options.readCallerArns,
    clock,
    log,
    found: (arns) => {
      policy = createPolicy(policySettings(settings, arns.filter((arn) => isCaller(arn, log))));
      assigner.setPolicy(policy);
    },
  });
  const assigner = new Assigner({
    index,
    keeper,
    policy,
    identityKey,
    clock,
    nodeGraceMs,
    assigned: assignmentNews({ events, log, clock, timeline }),
  });
  namespaceNews({ index, events, problemOf: (namespace) => policy.namespaceProblem(namespace) });

  const tokens = new ReviewedTokens({ ...options, attempts: { perSecond: 5, burst: 20 } });
  // An agent brings the tokens of all its node's pods.
  const podTokens = new ReviewedTokens({ ...options, attempts: { perSecond: 50, burst: 500 } });
  const serviceAccount = settings.agentServiceAccount;
  const streams = new AgentStreams({
    index,
    assigner,
    clock,
    log,
    watchAgeSeconds,
    serviceAccount,
    ended: metrics.streamEnded,
  });
  const instance = options.random().toString(36).slice(2);
  let stopping = false;
  const followed = new AbortController();
  const missing = () =>
    stopping ? ["stopping"] : missingForReadiness({
      watches: options.watches,
      unlisted: () => index.unlisted,
      certificate: options.certificate,
      credentialsProblem: () => own.problem,
    });
  const summary = (only?: PodName) =>
    summaryOf({
      ...about,
      instance,
      now: () => clock.now(),
      missing,
      watchAgeSeconds,
      index,
      assigner,
      agents: () => streams.statuses(),
      inspect: (key) => keeper.inspect(key),
      inspectAll: () => keeper.entries(),
      timeline: () => timeline.view(),
    }, only);
  const merged = async (only?: PodName) =>
    mergeSummaries(summary(only), await options.askReplicas(only));
  const app = createApp({
    index,
    identifyAgent: agentIdentity({
      index,
      tokens,
      audience: settings.tokenAudience,
      serviceAccount,
    }),
    streams,
    directRead: new DirectRead({ ...options, index, assigner }),
    tokens,
    podTokens,
    audience: settings.tokenAudience,
    podAudience: settings.podTokenAudience,
    ownUsername: options.ownUsername,
    summary,
    notReady: () => stopping ? "stopping" : notReady(index, settings, own),
    agentReported: (agent: Agent, ready) => ready ? options.agentReady(agent.node) : undefined,
    answered: metrics.request,
    random: options.random,
    refused: (request) => log.info(request, "request refused"),
  });

  return {
    index,
    app,
    admin: createAdmin({ missing, registry }),
    statusApp: createStatusApp({
      summary: merged,
      unlisted: () => index.unlisted,
      clock,
      signal: followed.signal,
      explanation: (name) => podExplanation({ index, assigner, summary: merged }, name),
    }),
    summary,
    missing,
    async run(signal) {
      await own.run(signal);
      await aborted(signal);
      stopping = true;
      followed.abort();
      streams.close();
      events.close();
      keeper.close();
    },
  };
}

/** Why agents aren't served yet; null once they are. */
function notReady(index: ClusterIndex, settings: ServerSettings, own: OwnIdentity): string | null {
  if (!index.synced) return `not listed yet: ${index.unlisted.join(", ")}`;
  if (settings.roleBaseArn === null && !own.settled) {
    return "the server's AWS account isn't known yet";
  }
  return null;
}
