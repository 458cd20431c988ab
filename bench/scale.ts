/** What the server costs as a cluster grows: connecting agents, changing pods, all agents reconnecting. */
import { fileURLToPath } from "node:url";
import { Program } from "./program.ts";
import type { Tools } from "./tools.ts";

export interface ScaleResult {
  readonly nodes: number;
  /** Streams over TLS. */
  readonly tls: boolean;
  readonly pods: number;
  /** From the first connection until all agents have everything. */
  readonly syncedSeconds: number;
  readonly syncCpu: number;
  readonly snapshotMiB: number;
  /** MiB: before any agent, with all agents, the peak, and the peak while all reconnected. */
  readonly idle: number;
  readonly rss: number;
  readonly peak: number;
  readonly reconnectPeak: number;
  /** 500 changes a second: processor seconds per second; time from a change until the agent reads it. */
  readonly churnCpu: number;
  readonly pushP50Ms: number;
  readonly pushP99Ms: number;
  readonly reconnectSeconds: number;
  readonly stsCalls: number;
}

const podsPerNode = 30;
const roles = 3000;
const churnRate = 500;
const churnSeconds = 6;
const program = fileURLToPath(new URL("scale/server.ts", import.meta.url));

/** The real server with fakes around it. */
export async function measureScale(
  tools: Tools,
  nodes: number,
  tls: boolean,
): Promise<ScaleResult> {
  const flags = ["run", "-A", "--cached-only", "--v8-flags=--max-semi-space-size=1", program];
  const size = [String(nodes), String(podsPerNode), String(roles)];
  const server = new Program("candidate", [tools.deno, ...flags, ...size, tls ? "tls" : ""]);
  const target = `-target=127.0.0.1:${await server.port()}`;
  const agents = new Program("load", [
    tools.go,
    "agents",
    target,
    `-nodes=${nodes}`,
    `-tls=${tls}`,
  ]);
  const command = async (program: Program, line: string) => {
    program.send(line);
    return JSON.parse(await program.line());
  };
  try {
    const idle = server.memory().now;
    const before = server.cpuSeconds();
    const synced = await command(agents, "connect");
    const syncCpu = server.cpuSeconds() - before;
    await quiet(agents, command);
    const { now: rss, peak } = server.memory();
    const churnBefore = server.cpuSeconds();
    const churn = command(server, `churn ${churnRate} ${churnSeconds}`);
    const pushed = await command(agents, `follow ${churnSeconds + 1}`);
    await churn;
    const churnCpu = (server.cpuSeconds() - churnBefore) / (churnSeconds + 1);
    server.forgetPeak();
    await command(agents, "drop");
    const again = await command(agents, "connect");
    const { calls } = await command(server, "calls");
    return {
      nodes,
      tls,
      pods: nodes * podsPerNode,
      syncedSeconds: synced.seconds,
      syncCpu,
      snapshotMiB: again.bytes / 2 ** 20,
      idle,
      rss,
      peak,
      reconnectPeak: server.memory().peak,
      churnCpu,
      pushP50Ms: pushed.p50Ms,
      pushP99Ms: pushed.p99Ms,
      reconnectSeconds: again.seconds,
      stsCalls: calls,
    };
  } finally {
    await agents.stop();
    await server.stop();
  }
}

/** Waits until no more credentials arrive, so that what follows measures only the changes. */
async function quiet(
  agents: Program,
  command: (program: Program, line: string) => Promise<{ frames: number }>,
): Promise<void> {
  for (let tries = 0; tries < 60; tries++) {
    const { frames } = await command(agents, "follow 1");
    if (frames === 0) return;
  }
}

export function scaleTable(results: readonly ScaleResult[]): string {
  const head = [
    "nodes",
    "pods",
    "all synced, s",
    "CPU s per node",
    "snapshot MiB",
    "working set before agents, MiB",
    "with all",
    "peak",
    "reconnect: peak / that",
    "KiB per pod",
    "500 changes/s: CPU",
    "push p50 ms",
    "push p99 ms",
    "all reconnected, s",
    "STS calls",
  ];
  const rows = results.map((r) => [
    r.tls ? `${r.nodes}, TLS` : r.nodes,
    r.pods,
    r.syncedSeconds.toFixed(2),
    (r.syncCpu / r.nodes).toFixed(4),
    r.snapshotMiB.toFixed(1),
    r.idle.toFixed(0),
    r.rss.toFixed(0),
    r.peak.toFixed(0),
    (r.reconnectPeak / r.rss).toFixed(2),
    (r.rss * 1024 / r.pods).toFixed(1),
    `${(r.churnCpu * 100).toFixed(0)} %`,
    r.pushP50Ms.toFixed(0),
    r.pushP99Ms.toFixed(0),
    r.reconnectSeconds.toFixed(2),
    r.stsCalls,
  ]);
  const line = (cells: readonly unknown[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "--:")), ...rows.map(line), ""].join("\n");
}
