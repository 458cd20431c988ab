/** The server as it is, with stand-ins where it would talk to a cluster. */
import type { Registry } from "prom-client";
import { createSts, type Sts, type StsOptions } from "../aws/sts.ts";
import { createServer, type Server } from "../server/server.ts";
import type { Clock, Log } from "../server/ports.ts";
import type { AgentTokens } from "./agent_tokens.ts";
import type { ClusterSource } from "./cluster_source.ts";
import type { DevSettings } from "./config.ts";

export interface DevServerOptions {
  readonly settings: DevSettings;
  readonly about: { readonly version: string; readonly runtime: string };
  readonly clock: Clock;
  readonly log: Log;
  readonly registry: Registry;
  readonly source: ClusterSource;
  readonly tokens: AgentTokens;
  /** Of the embedded STS; null for one outside. */
  readonly stsUrl: string | null;
}

export interface DevServer {
  readonly server: Server;
  readonly sts: Sts;
}

/** Within a process there is no TLS; a server without a certificate would never be ready. */
const noCertificateEnds = Date.UTC(9999, 11, 31);

/** Events go nowhere: what they would say stands in the list of pods. */
export function createDevServer(options: DevServerOptions): DevServer {
  const { settings, about, clock, log, registry, source, tokens } = options;
  const sts = createSts(stsOptions(settings, options.stsUrl, () => clock.now()));
  const server = createServer({
    settings: settings.server,
    about: { ...about, replica: "dev" },
    clock,
    random: Math.random,
    log,
    registry,
    assumeRole: (identity, signal) => sts.assumeRole(identity, signal),
    readCallerArns: async (signal) => [(await sts.callerIdentity(signal)).arn],
    reviewToken: (token, audience) => tokens.review(token, audience),
    readPodsByAddress: () => Promise.resolve([]),
    eventSink: () => Promise.resolve(),
    watches: source.watches,
    certificate: () => ({ expiresAt: noCertificateEnds, problem: null }),
    ownUsername: () => Promise.resolve(null),
    askReplicas: () => Promise.resolve([]),
    agentReady: () => {},
  });
  return { server, sts };
}

/** The embedded STS never sees the user's own credentials, nor do they need any. */
function stsOptions(settings: DevSettings, stsUrl: string | null, now: () => number): StsOptions {
  const { region, assumeRoleArn, stsEndpoint } = settings.server;
  const shared = { now, region: region ?? undefined, assumeRoleArn: assumeRoleArn ?? undefined };
  if (stsUrl === null) return { ...shared, endpoint: stsEndpoint ?? undefined };
  const own = { accessKeyId: "AKIAROLECALLDEV00000", secretAccessKey: "fake" };
  return { ...shared, endpoint: stsUrl, credentials: () => Promise.resolve(own) };
}
