/** What the server takes for a cluster's list of pods: memory at rest and at most, and time. */
import { fileURLToPath } from "node:url";
import { Program } from "./program.ts";
import { programOn, type Runtime, ServerAssembly } from "./real_server.ts";
import type { Tools } from "./tools.ts";

export interface ListResult {
  readonly runtime: Runtime;
  readonly pods: number;
  /** MiB: some seconds after the list, at most, and of a program that does nothing. */
  readonly rest: number;
  readonly peak: number;
  readonly empty: number;
  readonly peakToRest: number;
  /** From the start of the process until it is ready, and the list's part of it. */
  readonly readySeconds: number;
  readonly listSeconds: number;
  readonly cpuSeconds: number;
}

const waitMs = 10_000;
const nothing = fileURLToPath(new URL("bare/nothing.ts", import.meta.url));

export async function measureList(
  tools: Tools,
  runtime: Runtime,
  pods: number,
): Promise<ListResult> {
  const around = new ServerAssembly(tools, { pods, nodes: Math.max(1, Math.round(pods / 100)) });
  try {
    await around.prepare();
    const { program, readySeconds } = await around.start(runtime);
    await pause(waitMs);
    const { rss: rest, peak } = program.memory();
    const cpuSeconds = program.cpuSeconds();
    const { seconds: listSeconds } = await around.cluster.ask("list");
    await program.stop();
    const empty = await emptyProgram(tools, runtime);
    const times = { readySeconds, listSeconds, cpuSeconds };
    return { runtime, pods, rest, peak, empty, peakToRest: peak / rest, ...times };
  } finally {
    await around.stop();
  }
}

async function emptyProgram(tools: Tools, runtime: Runtime): Promise<number> {
  const program = new Program("candidate", programOn(runtime, tools, nothing));
  await program.line();
  const { rss } = program.memory();
  await program.stop();
  return rss;
}

/** KiB that each pod adds from one size to the next; undefined for the first of a runtime. */
function growth(results: readonly ListResult[], at: number): number | undefined {
  const [now, before] = [results[at], results[at - 1]];
  if (now === undefined || before === undefined || before.runtime !== now.runtime) return undefined;
  return (now.rest - before.rest) * 1024 / (now.pods - before.pods);
}

export function listTable(results: readonly ListResult[]): string {
  const rows = results.map((r, at) => [
    `${r.runtime}, ${r.pods.toLocaleString("en-US")}`,
    r.rest.toFixed(0),
    (r.rest / r.empty).toFixed(2),
    growth(results, at)?.toFixed(2) ?? "",
    r.peak.toFixed(0),
    r.peakToRest.toFixed(2),
    r.readySeconds.toFixed(2),
    r.listSeconds.toFixed(2),
    r.cpuSeconds.toFixed(2),
  ]);
  const head = [
    "pods",
    "RSS at rest, MiB",
    "to an empty program's",
    "more a pod, KiB",
    "at most, MiB",
    "to the rest",
    "ready after s",
    "of which the list",
    "CPU s",
  ];
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(["---", ...head.slice(1).map(() => "--:")]), ...rows.map(line), ""]
    .join("\n");
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
