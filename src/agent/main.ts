/** The `agent` command: settings → adapters → agent → redirect → listeners, until a signal. */
import { createImds } from "../aws/imds.ts";
import { containerRuntime } from "../cri/container_runtime.ts";
import { openKernel } from "../kernel/open_kernel.ts";
import type { Listener } from "../runtime/http/types.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { systemClock } from "../time/system_clock.ts";
import { webHandler } from "../runtime/http/web_handler.ts";
import { refuse } from "../cli/command.ts";
import { listenAt } from "../cli/listening.ts";
import { programLog } from "../telemetry/log_dedup.ts";
import { version } from "../version.ts";
import { type Agent, createAgent } from "./agent.ts";
import { type BootGuard, readBootGuard } from "./boot_guard/command.ts";
import { type AgentSettings, parseAgentConfig } from "./config.ts";
import { createEndpoints } from "./container_credentials/endpoints.ts";
import type { CredentialsEndpoints } from "./container_credentials/endpoints.ts";
import { removeAddresses } from "./container_credentials/node_addresses.ts";
import { accessByFiles } from "./server_client/server_access.ts";
import { adminLimits, frontLimits } from "./lifecycle/listen_limits.ts";
import { KernelAccess } from "./identity/kernel_access.ts";
import { warnOfSharedBridge } from "./identity/shared_bridge.ts";
import { UsedSocketFile, usedSocketFile } from "./identity/used_socket_file.ts";
import type { Log } from "./ports.ts";
import { isTaken, type ProbeClient, waitToTakeOver } from "./lifecycle/handover.ts";
import { InstanceCheck } from "./lifecycle/instance_check.ts";
import { keepReadinessFile } from "./lifecycle/readiness.ts";
import { createRedirect } from "./redirect/create_redirect.ts";
import type { RedirectReconciler } from "./redirect/redirect_reconciler.ts";
import { removeRedirect } from "./redirect/remove_redirect.ts";
import { removeRouteGuard } from "./redirect/route_guard.ts";
import { imdsServer } from "./imds/refusals.ts";
import { loadTokenKeys } from "./imds/token_key_file.ts";
import { aborted } from "../time/pause.ts";

/** Requests in flight get this long to finish after a signal. */
const stopGraceMs = 5000;

/** Runs until SIGTERM or SIGINT; the exit code. @throws {ListenFault} a port isn't available */
export async function runAgent(runtime: Runtime, args: readonly string[]): Promise<number> {
  const machine = { hasIpv6: runtime.hasIpv6(), openFilesLimit: runtime.openFilesLimit };
  const parsed = parseAgentConfig(args, runtime.env, machine);
  if (parsed.kind === "problems") return refuse(runtime, parsed.problems);
  const { settings, notices } = parsed;
  const log = programLog("agent", settings, runtime.writeLog);
  log.info({ version, node: settings.nodeName, server: settings.server }, "starting");
  for (const notice of notices) log.warn({ notice }, "configuration notice");
  const bootGuard = await readBootGuard(runtime, settings.bootGuardFile, log);
  const stop = new AbortController();
  runtime.onStop((signal) => {
    log.info({ signal }, "stopping");
    stop.abort();
  });
  await serve({ runtime, settings, log, bootGuard, stopping: stop.signal, open: {} });
  log.info({}, "stopped");
  return 0;
}

interface Run {
  readonly runtime: Runtime;
  readonly settings: AgentSettings;
  readonly log: Log;
  readonly bootGuard: BootGuard | null;
  /** Aborts at the first signal. */
  readonly stopping: AbortSignal;
  readonly open: {
    front?: Listener;
    endpoints?: CredentialsEndpoints;
    admin?: Listener;
  };
}

async function serve(run: Run): Promise<void> {
  const { runtime, settings, log, stopping, open } = run;
  // The server connection outlives the listeners, so that requests in flight are still answered.
  const ended = new AbortController();
  const node = { run: runtime.run, follow: runtime.follow, hasIpv6: runtime.hasIpv6() };
  const redirect = createRedirect(node, settings, { clock: systemClock, log });
  await redirect?.check();
  const agent = await assemble(run, redirect, ended.signal);
  const reporting = reportReadiness(run, agent);
  const hasPredecessor = await isTaken(settings.adminListen, probe(runtime), systemClock);
  open.admin = await listenAdmin(run, agent);
  const running = agent.run(ended.signal);
  if (hasPredecessor) await waitForTakeOver(run, agent);
  const watch = { clock: systemClock, log };
  open.endpoints = createEndpoints(runtime, settings, agent.credentialsFront, watch);
  const endpoints = open.endpoints.run(stopping);
  open.front = await listenFront(run, agent);
  await aborted(stopping);
  if (settings.removeRulesOnExit) await removeRules(run, redirect);
  await Promise.all([open.front.close(stopGraceMs), open.endpoints.close(stopGraceMs)]);
  if (settings.removeRulesOnExit) await removeNodeAddresses(run);
  ended.abort();
  await Promise.all([running, reporting, endpoints, open.admin.close(0)]);
}

async function assemble(
  run: Run,
  redirect: RedirectReconciler | null,
  ended: AbortSignal,
): Promise<Agent> {
  const { runtime, settings, log, bootGuard, open } = run;
  const kernel = settings.identity === "runtime" ? null : kernelAccess(run, ended);
  await kernel?.open();
  return createAgent({
    settings,
    about: { version, runtime: `${runtime.platform.name} ${runtime.platform.version}` },
    processUsage: () => runtime.processUsage(["/proc", settings.hostProc]),
    clock: systemClock,
    log,
    random: Math.random,
    access: serverAccess(run, ended),
    resolve: (name) => runtime.resolve(name),
    upstream: createImds({
      baseUrl: settings.metadataUrl,
      http: runtime.httpClient(),
      fastGet: runtime.fastGet(settings.metadataUrl),
      clock: systemClock,
    }),
    tokenKeys: await loadTokenKeys({
      files: runtime,
      stateDir: settings.stateDir,
      random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
      log,
    }),
    instance: new InstanceCheck({
      metadataUrl: settings.metadataUrl,
      fetch: runtime.httpClient().fetch,
      clock: systemClock,
      log,
    }),
    redirect,
    bootGuard,
    kernel,
    checks: (signal) =>
      warnOfSharedBridge(
        { run: runtime.run, kernel: () => kernel?.kernel ?? null, clock: systemClock, log },
        signal,
      ),
    runtime: settings.criSocket === null ? null : containerRuntime(settings.criSocket),
    endpointsMissing: () => open.endpoints?.missing() ?? [],
    connections: () => connectionsOf(open),
  });
}

function serverAccess({ runtime, settings }: Run, signal: AbortSignal) {
  return accessByFiles({
    files: runtime,
    caFile: settings.server.startsWith("https:") ? settings.serverCa : null,
    tokenFile: settings.tokenFile,
    createClient: (ca) => runtime.httpClient(ca === null ? {} : { ca }),
    signal,
  });
}

/** Where the redirect leads from; pods' sockets have it as their remote end. */
const metadataEnds = [
  { address: "169.254.169.254", port: 80 },
  { address: "fd00:ec2::254", port: 80 },
];

function kernelAccess({ runtime, settings, log }: Run, ended: AbortSignal): KernelAccess {
  const used = new UsedSocketFile({
    files: runtime,
    path: usedSocketFile(settings.stateDir),
    clock: systemClock,
    log,
  });
  const { hostIp, hostIpv6, listen: { port } } = settings;
  const hosts = [hostIp, hostIpv6].filter((address) => address !== null);
  const open = async () => {
    const opened = await openKernel({
      files: runtime.procFiles(settings.hostProc),
      clock: systemClock,
      cpuMs: runtime.cpuMs,
      metadata: metadataEnds,
      listening: runtime.localAddresses().map((address) => ({ address, port })),
      redirectedTo: settings.redirect === "none" ? null : new Set(hosts),
      usedChanged: () => used.changed(),
      saved: await used.read(),
    });
    if (opened.kind === "opened") used.share(opened.kernel, ended);
    return opened;
  };
  return new KernelAccess({ path: settings.hostProc, open, clock: systemClock, log });
}

/** Ready includes that pods' requests can arrive here. */
function reportReadiness(
  { runtime, settings, log, stopping, open }: Run,
  agent: Agent,
): Promise<void> {
  return keepReadinessFile({
    path: settings.readinessFile,
    write: runtime.writeFile,
    missing: () => {
      const missing = agent.missing();
      if (missing.length > 0 || open.front !== undefined) return missing;
      return ["metadata front: not listening yet"];
    },
    clock: systemClock,
    log,
  }, stopping);
}

function waitForTakeOver({ runtime, settings, stopping }: Run, agent: Agent): Promise<void> {
  return waitToTakeOver({
    clock: systemClock,
    able: () => agent.missing().length === 0,
    taken: () => isTaken(settings.listen, probe(runtime), systemClock),
  }, stopping);
}

/** The pods' connections, at both fronts. */
function connectionsOf({ front, endpoints }: Run["open"]) {
  const sums = { open: 0, refused: 0 };
  for (const listener of [front, endpoints]) {
    sums.open += listener?.connections().open ?? 0;
    sums.refused += listener?.connections().refused ?? 0;
  }
  return sums;
}

async function removeRules(
  { runtime, log }: Run,
  redirect: RedirectReconciler | null,
): Promise<void> {
  await redirect?.stop();
  const { removed } = await removeRedirect(runtime.run, runtime.hasIpv6());
  try {
    await removeRouteGuard(runtime.run, runtime.hasIpv6());
  } catch (fault) {
    log.error({ problem: String(fault) }, "routing rules can't be removed");
  }
  log.info({ removed }, "redirect removed");
}

async function removeNodeAddresses({ runtime, settings, log }: Run): Promise<void> {
  if (settings.containerCredentials.length === 0) return;
  try {
    log.info({ removed: await removeAddresses(runtime.run) }, "addresses removed");
  } catch (fault) {
    log.error({ problem: String(fault) }, "addresses can't be removed");
  }
}

async function listenFront({ runtime, settings, log }: Run, agent: Agent): Promise<Listener> {
  const listener = await listenAt(runtime, {
    flag: "listen",
    at: settings.listen,
    handler: agent.front,
    accepted: agent.accepted,
    limits: frontLimits(settings),
    serverHeader: imdsServer,
    reusePort: true,
  });
  log.info({ listener: "listen", host: listener.host, port: listener.port }, "listening");
  return listener;
}

async function listenAdmin({ runtime, settings, log }: Run, agent: Agent): Promise<Listener> {
  const listener = await listenAt(runtime, {
    flag: "admin-listen",
    at: settings.adminListen,
    handler: webHandler(agent.admin.fetch),
    limits: adminLimits,
    reusePort: true,
  });
  log.info({ listener: "admin-listen", host: listener.host, port: listener.port }, "listening");
  return listener;
}

function probe(runtime: Runtime): ProbeClient {
  return runtime.httpClient({ connectTimeoutMs: 500 });
}
