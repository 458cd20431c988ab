/** The `dev` command: settings → cluster, AWS, server and agent in one process → listeners. */
import type { Runtime } from "../runtime/runtime.ts";
import { systemClock } from "../time/system_clock.ts";
import { refuse } from "../cli/command.ts";
import { programLog } from "../telemetry/log_dedup.ts";
import { devAgentPod } from "./agent_tokens.ts";
import { openCluster } from "./open_cluster.ts";
import { parseDevConfig } from "./config.ts";
import { runDev } from "./dev.ts";

/** Runs until SIGTERM or SIGINT and returns the exit code. @throws {ListenFault} a port is taken */
export async function runDevelopment(runtime: Runtime, args: readonly string[]): Promise<number> {
  const machine = { hasIpv6: runtime.hasIpv6(), openFilesLimit: runtime.openFilesLimit };
  const parsed = parseDevConfig(args, runtime.env, machine);
  if (parsed.kind === "problems") return refuse(runtime, parsed.problems);
  const { settings, notices } = parsed;
  const log = programLog("dev", settings.agent, runtime.writeError);
  const agentPod = devAgentPod(settings.server.agentServiceAccount);
  const print = (lines: readonly string[]) =>
    runtime.writeOut(lines.map((line) => `${line}\n`).join(""));
  const cluster = await openCluster({
    runtime,
    settings,
    agentPod,
    clock: systemClock,
    log,
    print,
  });
  if (cluster.kind === "problems") return refuse(runtime, cluster.problems);
  print(notices);

  const stop = new AbortController();
  runtime.onStop(() => stop.abort());
  try {
    const { source, files } = cluster;
    const options = { runtime, settings, source, files, agentPod, log };
    const problems = await runDev(options, stop.signal);
    return problems.length > 0 ? refuse(runtime, problems) : 0;
  } finally {
    cluster.close();
  }
}
