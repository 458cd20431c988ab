/** The server and the agent, unchanged, in one process without a network between them. */
import { Registry } from "@prometheus-io/client";
import { createAgent } from "../agent/agent.ts";
import { TokenKeyRing } from "../agent/imds/token_keys.ts";
import { serverToken } from "../agent/server_client/server_token.ts";
import { createImds } from "../aws/imds.ts";
import { createSts, type StsOptions } from "../aws/sts.ts";
import type { PodFacts } from "../policy/facts.ts";
import type { HttpClient, Listener } from "../runtime/http/types.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Log } from "../telemetry/log.ts";
import { createServer } from "../server/server.ts";
import { noReplicas } from "../server/status/data/replicas.ts";
import { createAdmin } from "../telemetry/admin_app.ts";
import { processMetrics } from "../telemetry/process_metrics.ts";
import { systemClock as clock } from "../time/system_clock.ts";
import { version } from "../version.ts";
import { AgentTokens } from "./agent_tokens.ts";
import type { ClusterIssuer } from "./cluster_issuer.ts";
import type { ClusterSource } from "./cluster_source.ts";
import type { DevSettings } from "./config.ts";
import type { EmbeddedAws } from "./embedded_aws.ts";
import { inProcessClient } from "./in_process_client.ts";

interface PairOptions {
  readonly runtime: Pick<Runtime, "env" | "platform" | "httpClient" | "processUsage">;
  readonly settings: DevSettings;
  readonly source: ClusterSource;
  readonly aws: Pick<EmbeddedAws, "stsUrl" | "imdsUrl">;
  readonly issuer: Pick<ClusterIssuer, "requestToken">;
  readonly agentPod: PodFacts;
  readonly log: Log;
}

export type Pair = ReturnType<typeof createPair>;

/** Nothing runs yet; `front.listener` is the metadata front, set once it listens. */
export function createPair(options: PairOptions) {
  const { runtime, settings, source, aws, issuer, agentPod: pod, log } = options;
  const registry = processMetrics(new Registry(), () => runtime.processUsage(["/proc"]));
  const about = { version, runtime: `${runtime.platform.name} ${runtime.platform.version}` };
  const key = crypto.getRandomValues(new Uint8Array(32));
  const tokens = new AgentTokens({
    pod,
    audience: settings.server.tokenAudience,
    now: clock.now,
    key,
  });
  const shared = { settings, tokens, core: { about, clock, log, registry } };
  const sts = createSts(stsOptions(options));
  const server = createDevServer({ ...shared, sts, issuer, watches: source.watches });
  const toServer = inProcessClient(
    (request, peer) => server.app.fetch(request, { peer }),
    "127.0.0.1",
  );
  const http = runtime.httpClient();
  const front: { listener?: Listener } = {};
  const metadataUrl = settings.metadataUrl ?? aws.imdsUrl;
  const agent = createDevAgent({ ...shared, toServer, http, metadataUrl, front });
  const missing = () => [...server.missing(), ...agent.missing()];
  const admin = createAdmin({
    missing,
    registry: async () => {
      await server.metrics();
      return await agent.metrics();
    },
  });
  const close = async () => {
    toServer.close();
    http.close();
    await sts.close();
  };
  const { configurationProblems } = sts;
  return { server, agent, admin, tokens, missing, front, configurationProblems, close };
}

interface Shared {
  readonly settings: DevSettings;
  readonly tokens: AgentTokens;
  readonly core: {
    readonly about: { readonly version: string; readonly runtime: string };
    readonly clock: typeof clock;
    readonly log: Log;
    readonly registry: Registry;
  };
}

/** Within a process there is no TLS; a server without a certificate would never be ready. */
const noCertificateEnds = Date.UTC(9999, 11, 31);

/** Events are dropped: the list of pods says the same. */
function createDevServer(
  { settings, tokens, core, sts, issuer, watches }: Shared & {
    readonly issuer: PairOptions["issuer"];
    readonly sts: ReturnType<typeof createSts>;
    readonly watches: ClusterSource["watches"];
  },
) {
  return createServer({
    ...core,
    watches,
    settings: settings.server,
    about: { ...core.about, replica: "dev" },
    random: Math.random,
    assumeRole: sts.assumeRole,
    requestToken: issuer.requestToken,
    tokenFenceProblem: () => Promise.resolve(null),
    readCallerArns: async (signal) => [(await sts.callerIdentity(signal)).arn],
    reviewToken: (token, audience) => tokens.review(token, audience),
    reviewAccess: () => Promise.resolve(true),
    ownPod: null,
    readPodsByAddress: () => Promise.resolve([]),
    eventSink: () => Promise.resolve(),
    certificate: () => ({ expiresAt: noCertificateEnds, problem: null }),
    ownUsername: () => Promise.resolve(null),
    replicas: noReplicas,
    agentReady: () => {},
  });
}

/** The embedded STS never sees the user's own credentials and doesn't need them. */
function stsOptions({ settings, aws, runtime, log }: PairOptions): StsOptions {
  const { region, assumeRoleArn, stsEndpoint } = settings.server;
  const shared = {
    clock,
    runtime,
    region: region ?? undefined,
    assumeRoleArn: assumeRoleArn ?? undefined,
    warn: (problem: string) => log.warn({ problem }, "AWS settings"),
  };
  if (settings.sts !== "embedded") return { ...shared, endpoint: stsEndpoint ?? undefined };
  const own = { accessKeyId: "AKIAROLECALLDEV00000", secretAccessKey: "fake" };
  return { ...shared, endpoint: aws.stsUrl, credentials: () => Promise.resolve(own) };
}

/** Session tokens last as long as the process: their keys are kept in memory. */
function createDevAgent(
  { settings, tokens, core, toServer: client, http, metadataUrl, front }: Shared & {
    readonly toServer: HttpClient;
    readonly http: HttpClient;
    readonly metadataUrl: string;
    readonly front: { readonly listener?: Listener };
  },
) {
  return createAgent({
    ...core,
    settings: { ...settings.agent, hostIp: null, hostIpv6: null, identity: "address" },
    kernel: null,
    runtime: null,
    // With one server there is no load to spread, so no random delay.
    random: () => 0,
    access: () => Promise.resolve({ client, token: serverToken(tokens.issue())! }),
    resolve: () => Promise.resolve(["127.0.0.1"]),
    upstream: createImds({ baseUrl: metadataUrl, http, clock }),
    tokenKeys: new TokenKeyRing({
      random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
    }),
    redirect: null,
    bootGuard: null,
    connections: () => front.listener?.connections(),
  });
}
