/** The `agent` command: settings → adapters → agent → redirect → listeners, until a signal. */
import { createImds } from "../aws/imds.ts";
import { containerRuntime } from "../cri/container_runtime.ts";
import type { Host, Listener } from "../runtime/contract.ts";
import { backgroundTimer } from "../runtime/background_timer.ts";
import { systemClock } from "../runtime/system_clock.ts";
import { webHandler } from "../runtime/web_handler.ts";
import { type Command, refuse } from "../settings/command.ts";
import { listenAt } from "../settings/listening.ts";
import { countedRepeats } from "../telemetry/counted_repeats.ts";
import { createLog } from "../telemetry/log.ts";
import { version } from "../version.ts";
import { type Agent, createAgent } from "./agent.ts";
import { type AgentSettings, parseAgentConfig } from "./config.ts";
import { createDoors } from "./container_credentials/create_doors.ts";
import type { CredentialsDoors } from "./container_credentials/credentials_doors.ts";
import { removeAddresses } from "./container_credentials/node_addresses.ts";
import { agentFlags } from "./flags.ts";
import { accessByFiles } from "./link/server_access.ts";
import { adminLimits, frontLimits } from "./listeners.ts";
import type { Log } from "./ports.ts";
import { isTaken, overtake, type ProbeClient } from "./predecessor.ts";
import { keepReadinessFile } from "./readiness_file.ts";
import { createRedirect } from "./redirect/create_redirect.ts";
import type { RedirectKeeper } from "./redirect/redirect_keeper.ts";
import { removeRedirect } from "./redirect/remove_redirect.ts";
import { removeRouteGuard } from "./redirect/route_guard.ts";
import { loadTokenKeys } from "./token_key_file.ts";
import { aborted } from "../time/aborted.ts";

/** Requests under way have this long to end after a signal. */
const stopGraceMs = 5000;

export const agentCommand: Command = {
  usage: "[flags]",
  summary: "answers the pods of this node in the metadata service's place",
  flags: agentFlags,
  examples: ["agent --host-ip=10.0.0.5 --interface=cali+", "agent --redirect=none"],
  run: (host, args) => runAgent(host, args),
};

/** Runs until SIGTERM or SIGINT; the exit code. @throws {ListenFault} a port can't be had */
export async function runAgent(host: Host, args: readonly string[]): Promise<number> {
  const machine = { hasIpv6: host.hasIpv6(), openFiles: host.openFilesLimit() };
  const parsed = parseAgentConfig(args, host.env, machine);
  if (parsed.kind === "problems") return refuse(host, parsed.problems);
  const { settings, notices } = parsed;
  const plain = createLog({
    level: settings.logLevel,
    format: settings.logFormat,
    component: "agent",
    write: host.writeLog,
  });
  const log = countedRepeats(plain, backgroundTimer);
  log.info({ version, node: settings.nodeName, server: settings.server }, "starting");
  for (const notice of notices) log.warn({ notice }, "setting with consequences");
  const stop = new AbortController();
  host.onStop((signal) => {
    log.info({ signal }, "stopping");
    stop.abort();
  });
  await serve(host, settings, log, stop.signal);
  log.info({}, "stopped");
  return 0;
}

async function serve(
  host: Host,
  settings: AgentSettings,
  log: Log,
  stopping: AbortSignal,
): Promise<void> {
  // The link goes on while requests under way end, so that waiting ones still get their answer.
  const ended = new AbortController();
  const open: Listeners = {};
  const node = { run: host.run, hasIpv6: host.hasIpv6() };
  const redirect = createRedirect(node, settings, { clock: systemClock, log });
  const agent = await assemble({ host, settings, log, redirect, open, signal: ended.signal });
  await redirect?.check();
  const telling = tellReadiness(host, settings, agent, open, log, stopping);
  const overtaking = await isTaken(settings.adminListen, probe(host));
  open.admin = await listenAdmin(host, settings, agent, log);
  const running = agent.run(ended.signal);
  if (overtaking) {
    const taken = () => isTaken(settings.listen, probe(host));
    await overtake(
      { clock: systemClock, able: () => agent.missing().length === 0, taken },
      stopping,
    );
  }
  const watch = { clock: systemClock, log };
  open.doors = createDoors(host, settings, agent.credentialsFront, watch);
  const keeping = open.doors.run(stopping);
  open.front = await listenFront(host, settings, agent, log);
  await aborted(stopping);
  if (settings.removeRulesOnExit) await takeAway(host, redirect, log);
  await Promise.all([open.front.close(stopGraceMs), open.doors.close(stopGraceMs)]);
  if (settings.removeRulesOnExit) await takeAddressesAway(host, settings, log);
  ended.abort();
  await Promise.all([running, telling, keeping, open.admin.close(0)]);
}

/** Ready means that pods' requests can come here, too. */
function tellReadiness(
  host: Host,
  settings: AgentSettings,
  agent: Agent,
  open: Listeners,
  log: Log,
  stopping: AbortSignal,
): Promise<void> {
  return keepReadinessFile({
    path: settings.readinessFile,
    write: host.writeFile,
    missing: () => {
      const missing = agent.missing();
      if (missing.length > 0 || open.front !== undefined) return missing;
      return ["metadata front: not listening yet"];
    },
    clock: systemClock,
    log,
  }, stopping);
}

interface Listeners {
  front?: Listener;
  doors?: CredentialsDoors;
  admin?: Listener;
}

interface Assembly {
  readonly host: Host;
  readonly settings: AgentSettings;
  readonly log: Log;
  readonly redirect: RedirectKeeper | null;
  readonly open: Listeners;
  readonly signal: AbortSignal;
}

async function assemble({ host, settings, log, redirect, open, signal }: Assembly): Promise<Agent> {
  return createAgent({
    settings,
    about: { version, runtime: `${host.runtime.name} ${host.runtime.version}` },
    clock: systemClock,
    log,
    random: Math.random,
    access: accessByFiles({
      files: host,
      caFile: settings.server.startsWith("https:") ? settings.serverCa : null,
      tokenFile: settings.tokenFile,
      createClient: (ca) => host.httpClient(ca === null ? {} : { ca }),
      signal,
    }),
    resolve: (name) => host.resolve(name),
    upstream: createImds({
      baseUrl: settings.metadataUrl,
      http: host.httpClient(),
      plainGet: host.plainGet(settings.metadataUrl),
      clock: systemClock,
    }),
    tokenKeys: await loadTokenKeys({
      files: host,
      stateDir: settings.stateDir,
      random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
      log,
    }),
    redirect,
    runtime: settings.criSocket === null ? null : containerRuntime(settings.criSocket),
    doorsMissing: () => open.doors?.missing() ?? [],
    connections: () => connectionsOf(open),
    collectGarbage: host.collectGarbage,
  });
}

/** Of pods, at either front. */
function connectionsOf({ front, doors }: Listeners) {
  const sums = { open: 0, refused: 0 };
  for (const listener of [front, doors]) {
    sums.open += listener?.connections().open ?? 0;
    sums.refused += listener?.connections().refused ?? 0;
  }
  return sums;
}

async function takeAway(host: Host, redirect: RedirectKeeper | null, log: Log): Promise<void> {
  await redirect?.stop();
  const { removed } = await removeRedirect(host.run, host.hasIpv6());
  try {
    await removeRouteGuard(host.run, host.hasIpv6());
  } catch (fault) {
    log.error({ problem: String(fault) }, "routing rules can't be removed");
  }
  log.info({ removed }, "redirect removed");
}

async function takeAddressesAway(host: Host, settings: AgentSettings, log: Log): Promise<void> {
  if (settings.containerCredentials.length === 0) return;
  try {
    log.info({ removed: await removeAddresses(host.run) }, "addresses removed");
  } catch (fault) {
    log.error({ problem: String(fault) }, "addresses can't be removed");
  }
}

async function listenFront(
  host: Host,
  settings: AgentSettings,
  agent: Agent,
  log: Log,
): Promise<Listener> {
  const listener = await listenAt(host, {
    flag: "listen",
    at: settings.listen,
    handler: agent.front,
    limits: frontLimits(settings),
    reusePort: true,
  });
  log.info({ listener: "listen", host: listener.host, port: listener.port }, "listening");
  return listener;
}

async function listenAdmin(
  host: Host,
  settings: AgentSettings,
  agent: Agent,
  log: Log,
): Promise<Listener> {
  const listener = await listenAt(host, {
    flag: "admin-listen",
    at: settings.adminListen,
    handler: webHandler(agent.admin.fetch),
    limits: adminLimits,
    reusePort: true,
  });
  log.info({ listener: "admin-listen", host: listener.host, port: listener.port }, "listening");
  return listener;
}

function probe(host: Host): ProbeClient {
  return host.httpClient({ connectTimeoutMs: 500 });
}
