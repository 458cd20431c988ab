/** The `server` command: settings → adapters → server → listeners, until a signal. */
import { createSts, type Sts } from "../aws/sts.ts";
import type { Listener } from "../runtime/http/types.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { systemClock } from "../time/system_clock.ts";
import { webHandler } from "../runtime/http/web_handler.ts";
import { refuse } from "../cli/command.ts";
import { anyAddress, listenAt } from "../cli/listening.ts";
import { programLog } from "../telemetry/log_dedup.ts";
import { version } from "../version.ts";
import { type Cluster, connectCluster } from "./cluster_connection.ts";
import { parseServerConfig, type ServerSettings } from "./config.ts";
import { agentLimits, pageLimits } from "./listeners.ts";
import type { Log } from "../telemetry/log.ts";
import { callReplicas, noReplicas, type Replicas } from "./status/data/replicas.ts";
import { createServer, type Server, type ServerOptions } from "./server.ts";
import { type KeyPair, ServingListener } from "./certificate/serving_listener.ts";
import { startupTaint } from "./cluster/startup_taint.ts";
import { type TlsSource, tlsSource } from "./tls_source.ts";

/** In-flight requests have this long to finish after a signal. */
const stopGraceMs = 5_000;

/** Runs until SIGTERM or SIGINT and returns the exit code. @throws {ListenFault} a port is taken */
export async function runServer(runtime: Runtime, args: readonly string[]): Promise<number> {
  const parsed = parseServerConfig(args, runtime.env);
  if (parsed.kind === "problems") return refuse(runtime, parsed.problems);
  const { settings, notices } = parsed;
  const cluster = await connectCluster(runtime, settings);
  if (cluster.kind === "problem") return refuse(runtime, [cluster.problem]);
  if (cluster.namespace === null && settings.tlsFiles === null) {
    return refuse(runtime, [
      "--namespace: none is known; expected the server's namespace (POD_NAMESPACE)",
    ]);
  }
  const log = programLog("server", settings, runtime.writeLog);
  const sts = createSts({
    region: settings.region ?? undefined,
    endpoint: settings.stsEndpoint ?? undefined,
    assumeRoleArn: settings.assumeRoleArn ?? undefined,
    clock: systemClock,
    runtime,
    warn: (problem) => log.warn({ problem }, "AWS settings"),
  });
  const problems = await sts.configurationProblems();
  if (problems.length > 0) return refuse(runtime, problems);
  for (const notice of notices) log.warn({ notice }, "configuration notice");

  const stop = new AbortController();
  runtime.onStop((signal) => {
    log.info({ signal }, "stopping");
    stop.abort();
  });
  await serve({ runtime, settings, cluster, sts, log }, stop);
  log.info({}, "stopped");
  return 0;
}

interface ServerAssembly {
  readonly runtime: Runtime;
  readonly settings: ServerSettings;
  readonly cluster: Cluster;
  readonly sts: Sts;
  readonly tls: TlsSource;
  readonly log: Log;
}

async function serve(given: Omit<ServerAssembly, "tls">, stop: AbortController) {
  const { runtime, settings, cluster, sts, log } = given;
  const serving = new ServingListener();
  const tls = tlsSource({
    runtime,
    settings,
    cluster,
    log,
    changed: (pair) => serving.use(pair),
  });
  const around = { ...given, tls };
  const server = createServer(serverOptions(around));
  const pages = await listenPages(around, server);
  const listening = serving.listen(stop.signal, (pair) => listenForAgents(around, server, pair));
  // Without its port the server is useless, so everything else ends too.
  listening.catch(() => stop.abort());
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

function serverOptions(
  { runtime, settings, cluster, sts, tls, log }: ServerAssembly,
): ServerOptions {
  const { startupTaint: taint } = settings;
  const { reviewToken, reviewAccess, readPodsByAddress, eventSink, watches } = cluster;
  const { ownPod, ownUsername, replica } = cluster;
  const platform = `${runtime.platform.name} ${runtime.platform.version}`;
  const removed = { remove: (node: string) => cluster.removeTaint(node, taint ?? ""), log };
  return {
    settings,
    about: { version, runtime: platform, replica },
    clock: systemClock,
    random: Math.random,
    log,
    processUsage: () => runtime.processUsage(["/proc"]),
    assumeRole: sts.assumeRole,
    requestToken: cluster.requestToken,
    tokenFenceProblem: cluster.tokenFenceProblem,
    readCallerArns: (signal) => sts.callerArns(signal),
    reviewToken,
    reviewAccess,
    ownPod,
    readPodsByAddress,
    eventSink,
    watches,
    ownUsername,
    certificate: () => ({ expiresAt: tls.certificateExpiresAt(), problem: tls.problem() }),
    replicas: replicas({ runtime, settings, cluster }),
    agentReady: taint === null ? () => {} : startupTaint({ ...removed, clock: systemClock }),
  };
}

/** Replicas are verified with the CA that agents mount from the ConfigMap. */
function replicas(
  { runtime, settings, cluster }: Pick<ServerAssembly, "runtime" | "settings" | "cluster">,
): Replicas {
  if (settings.replicas === null) return noReplicas;
  return callReplicas({
    url: settings.replicas,
    resolve: (name) => runtime.resolve(name),
    authority: () => cluster.readAuthority(settings.caConfigMap),
    token: async () => (await runtime.readTextFile(settings.tokenFile)).trim(),
    httpClient: (options) => runtime.httpClient({ ...options, connectTimeoutMs: 2_000 }),
    clock: systemClock,
  });
}

async function listenForAgents(
  { runtime, settings, log }: ServerAssembly,
  server: Server,
  tls: KeyPair,
): Promise<Listener> {
  const listener = await listenAt(runtime, {
    flag: "listen",
    at: anyAddress(settings.listen, runtime.hasIpv6()),
    handler: webHandler(server.app.fetch),
    limits: agentLimits(runtime.openFilesLimit),
    tls,
  });
  log.info({ listener: "listen", host: listener.host, port: listener.port }, "listening");
  return listener;
}

async function listenPages(
  { runtime, settings, log }: ServerAssembly,
  server: Server,
): Promise<Listener[]> {
  const pages = [
    ["admin-listen", settings.adminListen, server.admin],
    ["status-listen", settings.statusListen, server.statusApp],
  ] as const;
  return await Promise.all(pages.map(async ([flag, wanted, app]) => {
    const listener = await listenAt(runtime, {
      flag,
      at: anyAddress(wanted, runtime.hasIpv6()),
      handler: webHandler(app.fetch),
      limits: pageLimits,
    });
    log.info({ listener: flag, host: listener.host, port: listener.port }, "listening");
    return listener;
  }));
}
