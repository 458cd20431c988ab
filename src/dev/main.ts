/** The `dev` command: settings → cluster, AWS, server and agent in one process → listeners. */
import type { Host } from "../runtime/contract.ts";
import { backgroundTimer } from "../runtime/background_timer.ts";
import { systemClock } from "../runtime/system_clock.ts";
import { type Command, refuse } from "../settings/command.ts";
import { countedRepeats } from "../telemetry/counted_repeats.ts";
import { createLog } from "../telemetry/log.ts";
import { devAgentPod } from "./agent_pod.ts";
import { openCluster } from "./open_cluster.ts";
import { parseDevConfig } from "./config.ts";
import { runDev } from "./dev.ts";
import { devFlags } from "./flags.ts";

export const devCommand: Command = {
  usage: "[flags] [MANIFEST…]",
  summary: "agent and server in one process, no cluster, no AWS account and no root needed",
  flags: devFlags,
  examples: [
    "dev",
    "dev --manifests pods.yaml",
    "dev --kubeconfig ~/.kube/config --as shop/cart --aws",
  ],
  run: (host, args) => runDevCommand(host, args),
};

/** Runs until SIGTERM or SIGINT; the exit code. @throws {ListenFault} a port can't be had */
export async function runDevCommand(host: Host, args: readonly string[]): Promise<number> {
  const machine = { hasIpv6: host.hasIpv6(), openFiles: host.openFilesLimit() };
  const parsed = parseDevConfig(args, host.env, machine);
  if (parsed.kind === "problems") return refuse(host, parsed.problems);
  const { settings, notices } = parsed;
  const { logLevel: level, logFormat: format } = settings.agent;
  const plain = createLog({ level, format, component: "dev", write: host.writeError });
  const log = countedRepeats(plain, backgroundTimer);
  const agentPod = devAgentPod(settings.server.agentServiceAccount);
  const tell = (lines: readonly string[]) =>
    host.writeOut(lines.map((line) => `${line}\n`).join(""));
  const cluster = await openCluster({ host, settings, agentPod, clock: systemClock, log, tell });
  if (cluster.kind === "problems") return refuse(host, cluster.problems);
  tell(notices);

  const stop = new AbortController();
  host.onStop(() => stop.abort());
  try {
    const { source, files } = cluster;
    await runDev({ host, settings, source, files, agentPod, log }, stop.signal);
    return 0;
  } finally {
    cluster.close();
  }
}
