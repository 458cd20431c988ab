/** The `server` command: settings → adapters → server → listeners, until a signal. */
import { Registry } from "prom-client";
import { createSts, type Sts } from "../aws/sts.ts";
import type { Host, Listener } from "../runtime/contract.ts";
import { backgroundTimer } from "../runtime/background_timer.ts";
import { systemClock } from "../runtime/system_clock.ts";
import { webHandler } from "../runtime/web_handler.ts";
import { type Command, refuse } from "../settings/command.ts";
import { anyAddress, listenAt } from "../settings/listening.ts";
import { countedRepeats } from "../telemetry/counted_repeats.ts";
import { createLog } from "../telemetry/log.ts";
import { version } from "../version.ts";
import { type Cluster, connectCluster } from "./cluster/cluster_connection.ts";
import { parseServerConfig, type ServerSettings } from "./config.ts";
import { serverFlags } from "./flags.ts";
import { agentLimits, pageLimits } from "./listeners.ts";
import type { ReadCallerArns } from "./credentials/own_identity.ts";
import type { Log } from "./ports.ts";
import { type AskReplicas, askReplicas } from "./status/replicas.ts";
import { createServer, type Server, type ServerParts } from "./server.ts";
import { type KeyPair, ServingListener } from "./certificate/serving_listener.ts";
import { startupTaint } from "./cluster/startup_taint.ts";
import { type TlsSource, tlsSource } from "./certificate/tls_source.ts";

/** Requests under way have this long to end after a signal. */
const stopGraceMs = 5_000;
/** So long after the list, what starting took is garbage: a certificate's making, first calls. */
const startedMs = 5_000;

export const serverCommand: Command = {
  usage: "[flags]",
  summary: "watches pods, assumes their roles and feeds the agents",
  flags: serverFlags,
  examples: ["server --role-base-arn=arn:aws:iam::111122223333:role/", "server --kubeconfig=FILE"],
  run: (host, args) => runServer(host, args),
};

/** Runs until SIGTERM or SIGINT; the exit code. @throws {ListenFault} a port can't be had */
export async function runServer(host: Host, args: readonly string[]): Promise<number> {
  const parsed = parseServerConfig(args, host.env);
  if (parsed.kind === "problems") return refuse(host, parsed.problems);
  const { settings, notices } = parsed;
  const cluster = await connectCluster(host, settings);
  if (cluster.kind === "problem") return refuse(host, [cluster.problem]);
  if (cluster.namespace === null && settings.tlsFiles === null) {
    return refuse(host, [
      "--namespace: none is known; expected the server's namespace (POD_NAMESPACE)",
    ]);
  }
  const plain = createLog({
    level: settings.logLevel,
    format: settings.logFormat,
    component: "server",
    write: host.writeLog,
  });
  const log = countedRepeats(plain, backgroundTimer);
  for (const notice of notices) log.warn({ notice }, "setting with consequences");

  const stop = new AbortController();
  host.onStop((signal) => {
    log.info({ signal }, "stopping");
    stop.abort();
  });
  await serve({ host, settings, cluster, log }, stop);
  log.info({}, "stopped");
  return 0;
}

interface Surroundings {
  readonly host: Host;
  readonly settings: ServerSettings;
  readonly cluster: Cluster;
  readonly sts: Sts;
  readonly tls: TlsSource;
  readonly log: Log;
}

async function serve(given: Omit<Surroundings, "sts" | "tls">, stop: AbortController) {
  const { host, settings, cluster, log } = given;
  const serving = new ServingListener();
  const tls = tlsSource({
    host,
    settings,
    cluster,
    log,
    changed: (pair) => serving.use(pair),
  });
  const sts = stsOf(settings, settings.assumeRoleArn);
  const around = { ...given, sts, tls };
  const server = createServer(serverParts(around));
  const pages = await listenPages(around, server);
  const listening = serving.listen(stop.signal, (pair) => listenForAgents(around, server, pair));
  // Without its port the server is no server: all the rest ends too.
  listening.catch(() => stop.abort());
  // Before the list, so that it doesn't come on top of what loading the modules left.
  host.collectGarbage();
  server.index.subscribe({
    synced: () => void backgroundTimer.after(startedMs, host.collectGarbage),
  });
  const [agents] = await Promise.all([
    listening,
    tls.run(stop.signal),
    cluster.run(server.index, log, stop.signal),
    server.run(stop.signal),
  ]);
  await Promise.all([...pages, agents].map((listener) => listener?.close(stopGraceMs)));
  cluster.close();
  await sts.close();
}

function serverParts({ host, settings, cluster, sts, tls, log }: Surroundings): ServerParts {
  const { startupTaint: taint } = settings;
  const { reviewToken, readPodsByAddress, eventSink, watches, ownUsername, replica } = cluster;
  const runtime = `${host.runtime.name} ${host.runtime.version}`;
  const removed = { remove: (node: string) => cluster.removeTaint(node, taint ?? ""), log };
  return {
    settings,
    about: { version, runtime, replica },
    clock: systemClock,
    random: Math.random,
    log,
    registry: new Registry(),
    assumeRole: sts.assumeRole,
    readCallerArns: callerArns(settings, sts),
    reviewToken,
    readPodsByAddress,
    eventSink,
    watches,
    ownUsername,
    certificate: () => ({ expiresAt: tls.certificateExpiresAt(), problem: tls.problem() }),
    askReplicas: replicas({ host, settings, cluster }),
    agentReady: taint === null ? () => {} : startupTaint({ ...removed, clock: systemClock }),
  };
}

/** They are trusted by the authority that agents mount from its ConfigMap. */
function replicas(
  { host, settings, cluster }: Pick<Surroundings, "host" | "settings" | "cluster">,
): AskReplicas {
  if (settings.replicas === null) return () => Promise.resolve([]);
  return askReplicas({
    url: settings.replicas,
    resolve: (name) => host.resolve(name),
    authority: () => cluster.readAuthority(settings.caConfigMap),
    token: async () => (await host.readTextFile(settings.tokenFile)).trim(),
    httpClient: (options) => host.httpClient({ ...options, connectTimeoutMs: 2_000 }),
    clock: systemClock,
  });
}

async function listenForAgents(
  { host, settings, log }: Surroundings,
  server: Server,
  tls: KeyPair,
): Promise<Listener> {
  const listener = await listenAt(host, {
    flag: "listen",
    at: anyAddress(settings.listen, host.hasIpv6()),
    handler: webHandler(server.app.fetch),
    limits: agentLimits(host.openFilesLimit()),
    tls,
  });
  log.info({ listener: "listen", host: listener.host, port: listener.port }, "listening");
  return listener;
}

async function listenPages(
  { host, settings, log }: Surroundings,
  server: Server,
): Promise<Listener[]> {
  const pages = [
    ["admin-listen", settings.adminListen, server.admin],
    ["status-listen", settings.statusListen, server.statusApp],
  ] as const;
  return await Promise.all(pages.map(async ([flag, wanted, app]) => {
    const listener = await listenAt(host, {
      flag,
      at: anyAddress(wanted, host.hasIpv6()),
      handler: webHandler(app.fetch),
      limits: pageLimits,
    });
    log.info({ listener: flag, host: listener.host, port: listener.port }, "listening");
    return listener;
  }));
}

function stsOf(settings: ServerSettings, assumeRoleArn: string | null): Sts {
  return createSts({
    region: settings.region ?? undefined,
    endpoint: settings.stsEndpoint ?? undefined,
    assumeRoleArn: assumeRoleArn ?? undefined,
    now: () => systemClock.now(),
  });
}

/** Where roles are chained, the principal that comes first is the server too. */
function callerArns(settings: ServerSettings, sts: Sts): ReadCallerArns {
  return async (signal) => {
    const { arn } = await sts.callerIdentity(signal);
    if (settings.assumeRoleArn === null) return [arn];
    const first = stsOf(settings, null);
    try {
      return [arn, (await first.callerIdentity(signal)).arn];
    } finally {
      await first.close();
    }
  };
}
