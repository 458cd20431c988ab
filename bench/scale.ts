/** What the server costs as a cluster grows: agents that come, pods that change, all coming again. */
import { fileURLToPath } from "node:url";
import { Program } from "./program.ts";
import type { Tools } from "./tools.ts";

export interface ScaleResult {
  readonly nodes: number;
  /** Streams over TLS. */
  readonly tls: boolean;
  readonly pods: number;
  /** From the first connection until all agents are told everything. */
  readonly syncedSeconds: number;
  readonly syncCpu: number;
  readonly snapshotMiB: number;
  /** MiB: before any agent, with all, at most, and at most while all came again. */
  readonly idle: number;
  readonly rss: number;
  readonly peak: number;
  readonly reconnectPeak: number;
  /** 500 changes a second: processor seconds each second, from change to the agent's reading. */
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

/** The server as it is, but for its surroundings. */
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
  const tell = async (program: Program, line: string) => {
    program.tell(line);
    return JSON.parse(await program.line());
  };
  try {
    const idle = server.memory().now;
    const before = server.cpuSeconds();
    const synced = await tell(agents, "connect");
    const syncCpu = server.cpuSeconds() - before;
    await settled(agents, tell);
    const { now: rss, peak } = server.memory();
    const churnBefore = server.cpuSeconds();
    const churn = tell(server, `churn ${churnRate} ${churnSeconds}`);
    const pushed = await tell(agents, `follow ${churnSeconds + 1}`);
    await churn;
    const churnCpu = (server.cpuSeconds() - churnBefore) / (churnSeconds + 1);
    server.forgetPeak();
    await tell(agents, "drop");
    const again = await tell(agents, "connect");
    const { calls } = await tell(server, "calls");
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

/** Until credentials have stopped coming, so that what follows is the changes' alone. */
async function settled(
  agents: Program,
  tell: (program: Program, line: string) => Promise<{ frames: number }>,
): Promise<void> {
  for (let tries = 0; tries < 60; tries++) {
    const { frames } = await tell(agents, "follow 1");
    if (frames === 0) return;
  }
}

export function scaleTable(results: readonly ScaleResult[]): string {
  const head = [
    "nodes",
    "pods",
    "all synced, s",
    "CPU s a node",
    "snapshot MiB",
    "working set before agents, MiB",
    "with all",
    "peak",
    "all again: peak to that",
    "KiB a pod",
    "500 changes/s: CPU",
    "push p50 ms",
    "push p99 ms",
    "all again, s",
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
