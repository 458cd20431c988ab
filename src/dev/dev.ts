/** Wires cluster, AWS, server and agent in one process, listens, and prints what to try. */
import { imdsServer } from "../agent/imds/refusals.ts";
import { frontLimits } from "../agent/lifecycle/listen_limits.ts";
import { aborted, pause } from "../time/pause.ts";
import type { PodFacts } from "../policy/facts.ts";
import type { Listener } from "../runtime/http/types.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { systemClock } from "../time/system_clock.ts";
import { webHandler } from "../runtime/http/web_handler.ts";
import { pageLimits } from "../server/listeners.ts";
import type { Log } from "../telemetry/log.ts";
import { hostPortText } from "../net/host_port.ts";
import { listenAt } from "../cli/listening.ts";
import { commandLines, otherPodLines, type PodRow } from "./announcement.ts";
import { announce } from "./announcer.ts";
import { createClusterIssuer } from "./cluster_issuer.ts";
import type { ClusterSource } from "./cluster_source.ts";
import type { DevSettings } from "./config.ts";
import { type EmbeddedAws, startEmbeddedAws } from "./embedded_aws.ts";
import { createPair, type Pair } from "./pair.ts";
import { notAnswered } from "./shared_addresses.ts";

interface DevOptions {
  readonly runtime: Runtime;
  readonly settings: DevSettings;
  readonly source: ClusterSource;
  /** The manifests to edit, if there are any. */
  readonly files: readonly string[];
  readonly agentPod: PodFacts;
  readonly log: Log;
}

/** In-flight requests have this long to finish. */
const stopGraceMs = 5_000;
/** A working day, so that commands pasted into a shell keep working. */
const podTokenSeconds = 12 * 3600;

/**
 * Runs until `signal` aborts; returns the settings that can't be used, one line each.
 * @throws {ListenFault} a port is taken or not permitted
 */
export async function runDev(
  options: DevOptions,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const region = options.settings.server.region ?? "us-east-1";
  const issuer = createClusterIssuer(systemClock.now);
  const { now } = systemClock;
  const aws = await startEmbeddedAws({ runtime: options.runtime, now, region, issuer });
  // The agent stays connected to the server while requests finish, so that waiting ones get answers.
  const ended = new AbortController();
  const pair = createPair({ ...options, aws, issuer });
  const listeners: Listener[] = [];
  const { pods, namespaces, serviceAccounts } = pair.server.index;
  const sinks = { pods, namespaces, serviceAccounts, iam: aws.iam };
  try {
    const problems = await pair.configurationProblems();
    if (problems.length > 0) return problems;
    const { front } = await listenAll(options, pair, listeners);
    const running = Promise.all([
      options.source.run(sinks, ended.signal),
      pair.server.run(ended.signal),
      runAgent(pair, ended.signal),
    ]);
    announceAll({ ...options, pair, listeners, aws }, signal);
    await Promise.race([running, aborted(signal)]);
    await front.close(stopGraceMs);
    ended.abort();
    await running;
    return [];
  } finally {
    ended.abort();
    await Promise.all(listeners.map((listener) => listener.close(0)));
    await pair.close();
    await aws.close();
  }
}

/** Connecting before the server knows its account would cost the agent a second. */
async function runAgent({ server, agent }: Pair, signal: AbortSignal): Promise<void> {
  for (let waited = 0; waited < 3_000 && server.missing().length > 0; waited += 20) {
    await pause(systemClock, 20, signal);
  }
  await agent.run(signal);
}

/** Adds to `listeners` as it goes, in the order agent, admin, status, container credentials. */
async function listenAll(
  { runtime, settings }: DevOptions,
  { server, agent, admin, front }: Pair,
  listeners: Listener[],
): Promise<{ readonly front: Listener }> {
  const wanted = [
    {
      flag: "listen",
      at: settings.agent.listen,
      handler: agent.front,
      serverHeader: imdsServer,
      limits: frontLimits(settings.agent),
    },
    {
      flag: "admin-listen",
      at: settings.agent.adminListen,
      handler: webHandler(admin.fetch),
      limits: pageLimits,
    },
    {
      flag: "status-listen",
      at: settings.server.statusListen,
      handler: webHandler(server.statusApp.fetch),
      limits: pageLimits,
    },
    ...settings.agent.containerCredentials.map((at) => ({
      flag: "container-credentials",
      at,
      handler: agent.credentialsFront,
      limits: frontLimits(settings.agent),
    })),
  ];
  for (const one of wanted) listeners.push(await listenAt(runtime, one));
  front.listener = listeners[0]!;
  return { front: front.listener };
}

interface Announced extends DevOptions {
  readonly pair: Pair;
  readonly listeners: readonly Listener[];
  readonly aws: EmbeddedAws;
}

function announceAll(
  { runtime, settings, files, agentPod, pair, listeners, aws }: Announced,
  signal: AbortSignal,
): void {
  const { server, missing } = pair;
  const [agent, admin, status, endpoint] = listeners.map(hostPortText);
  const addresses = {
    agent: agent!,
    admin: admin!,
    status: status!,
    sts: settings.sts === "embedded" ? aws.stsUrl : settings.server.stsEndpoint,
    region: settings.server.region ?? "us-east-1",
    tokenRequired: settings.agent.tokenRequired,
    credentials: endpoint === undefined
      ? null
      : { at: endpoint, tokenOf: podTokens(pair, settings) },
  };
  const { cluster } = settings;
  const edit = files.length > 0 ? [`Edit ${files.join(", ")} and send a request again.`] : [];
  announce({
    clock: systemClock,
    pods: () => podRows(server, agentPod),
    missing,
    requested: cluster.kind === "kubeconfig" ? cluster.as : [],
    head: (pods) => commandLines(addresses, pods),
    foot: (pods) => [...edit, ...otherPodLines(pods)],
    write: runtime.writeOut,
  }, signal);
}

/** All but the agent's own. */
function podRows({ index, summary }: Pair["server"], agentPod: PodFacts): PodRow[] {
  const unanswered = notAnswered(index.allPods());
  return summary().pods
    .filter(({ uid }) => uid !== agentPod.uid)
    .map((row) => ({ ...row, notAnswered: unanswered.get(row.uid) ?? [] }));
}

/** Issues tokens like those that a kubelet projects into pods for container credentials. */
function podTokens({ server, tokens }: Pair, { server: { podTokenAudience } }: DevSettings) {
  return ({ namespace, name }: { readonly namespace: string; readonly name: string }): string => {
    const row = server.summary().pods.find((pod) =>
      pod.namespace === namespace && pod.name === name
    );
    const pod = server.index.pod(row?.uid ?? "");
    return pod === undefined ? "" : tokens.issueFor(pod, podTokenAudience, podTokenSeconds);
  };
}
