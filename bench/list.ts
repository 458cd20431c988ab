/** What listing a cluster's pods costs the server: memory at rest and at its peak, and time. */
import { ServerAssembly } from "./real_server.ts";
import type { Tools } from "./tools.ts";
import type { Variant } from "./variants.ts";

export interface ListResult {
  readonly variant: Variant;
  readonly pods: number;
  /** Working set in MiB: a minute after the list, and at its peak. */
  readonly rest: number;
  readonly peak: number;
  /** From the start of the process until it is ready, and the list's share of that. */
  readonly readySeconds: number;
  readonly listSeconds: number;
  readonly cpuSeconds: number;
}

const waitMs = 60_000;

export async function measureList(
  tools: Tools,
  variant: Variant,
  pods: number,
): Promise<ListResult> {
  const around = new ServerAssembly(tools, { pods, nodes: Math.max(1, Math.round(pods / 100)) });
  try {
    await around.prepare();
    const { program, readySeconds } = await around.start(variant);
    await pause(waitMs);
    const { now: rest, peak } = program.memory();
    const cpuSeconds = program.cpuSeconds();
    const { seconds: listSeconds } = await around.cluster.command("list");
    await program.stop();
    return { variant, pods, rest, peak, readySeconds, listSeconds, cpuSeconds };
  } finally {
    await around.stop();
  }
}

/** KiB that each pod adds from one size to the next; undefined for the first of a variant. */
function growth(results: readonly ListResult[], at: number): number | undefined {
  const [now, before] = [results[at], results[at - 1]];
  if (now === undefined || before === undefined || before.variant !== now.variant) return undefined;
  return (now.rest - before.rest) * 1024 / (now.pods - before.pods);
}

export function listTable(results: readonly ListResult[]): string {
  const rows = results.map((r, at) => [
    `${r.variant}, ${r.pods.toLocaleString("en-US")}`,
    r.rest.toFixed(0),
    growth(results, at)?.toFixed(2) ?? "",
    r.peak.toFixed(0),
    r.readySeconds.toFixed(2),
    r.listSeconds.toFixed(2),
    r.cpuSeconds.toFixed(2),
  ]);
  const head = [
    "pods",
    "working set at rest, MiB",
    "growth per pod, KiB",
    "peak, MiB",
    "ready after, s",
    "of that, the list",
    "CPU s",
  ];
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(["---", ...head.slice(1).map(() => "--:")]), ...rows.map(line), ""]
    .join("\n");
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
