/**
 * Benchmarks: `deno task bench` or `node bench/main.ts`, then nothing (the agent beside its
 * baselines, written to docs/performance.md and bench/results.json), `check` (the same, compared
 * with the committed results instead), `scale` (the server in a growing cluster), `list` (its
 * memory as pods become more), `cold` (how soon a new pod is served) or `outage` (the only server is
 * killed for a while). Options: `--rounds N`, `--seconds S`, `--only TEXT`, `--nodes N,N`, `--pods N,N`, `--runtimes Deno,Node`.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { type ServerAssembly, startCandidate } from "./candidates.ts";
import { cases as allCases } from "./cases.ts";
import { regressions } from "./check.ts";
import { type ColdResult, coldTable, measureCold } from "./cold.ts";
import { documentWith, formatFiles } from "./document.ts";
import { startFeed } from "./feed.ts";
import { type ListResult, listTable, measureList } from "./list.ts";
import { placement, Program } from "./program.ts";
import type { Runtime } from "./real_server.ts";
import { type Run, tableOf } from "./report.ts";
import { withHistory } from "./results.ts";
import { runCases } from "./run_cases.ts";
import { measureScale, type ScaleResult, scaleTable } from "./scale.ts";
import { scalePlot } from "./scale_plot.ts";
import { measureOutage, type OutageResult, outageTable } from "./outage.ts";
import { missing, prepareTools, type Tools } from "./tools.ts";

const resultsFile = new URL("results.json", import.meta.url);
const plotFile = new URL("../docs/scale.svg", import.meta.url);
const pods = 110;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "1" },
    nodes: { type: "string", default: "100,1000,5000" },
    only: { type: "string", default: "" },
    pods: { type: "string", default: "0,1000,10000,20000" },
    runtimes: { type: "string", default: "Deno,Node" },
  },
});

process.exit(await main(positionals[0] ?? "run"));

async function main(mode: string): Promise<number> {
  const modes = ["run", "check", "scale", "list", "cold", "outage"];
  if (!modes.includes(mode)) return fail(`${mode}: unknown; one of ${modes.join(", ")}`);
  const lacks = missing();
  if (lacks.length > 0) return fail(lacks.map((need) => `needs ${need}`).join("\n"));
  if (mode === "scale") return await withTools(scale);
  if (mode === "list") return await withTools(list);
  if (mode === "cold") return await withTools(cold);
  if (mode === "outage") return await withTools(outage);
  const run = await measureAll();
  const table = tableOf(run);
  process.stdout.write(`\n${table}`);
  if (mode === "check") return check(run);
  if (values.only !== "") return 0;
  const kept = { ...run, cases: withHistory(run.cases, committedRun().cases) };
  writeFileSync(resultsFile, `${JSON.stringify(kept, null, 2)}\n`);
  documentWith("bench", table);
  formatFiles(resultsFile);
  return 0;
}

async function measureAll(): Promise<Run> {
  const tools = prepareTools();
  const { port: feedPort, server } = await startFeed(pods);
  const upstream = new Program("load", [tools.go, "upstream"]);
  try {
    const around: ServerAssembly = { tools, feedPort, upstreamPort: await upstream.port() };
    const cases = allCases.filter(({ name }) => name.includes(values.only));
    const say = (line: string) => void process.stderr.write(`${line}\n`);
    const rounds = Number(values.rounds);
    const plan = { cases, rounds, seconds: Number(values.seconds), say };
    const results = await runCases(plan, around, startCandidate);
    return { about: aboutRun(rounds), ...results };
  } finally {
    await upstream.stop();
    server.close();
    server.closeAllConnections();
    rmSync(tools.folder, { recursive: true });
  }
}

async function withTools(work: (tools: Tools) => Promise<void>): Promise<number> {
  const tools = prepareTools();
  try {
    await work(tools);
    return 0;
  } finally {
    rmSync(tools.folder, { recursive: true });
  }
}

async function scale(tools: Tools): Promise<void> {
  const results: ScaleResult[] = [];
  for (const nodes of values.nodes.split(",").map(Number)) {
    results.push(shown(await measureScale(tools, nodes, false)));
  }
  writeFileSync(plotFile, scalePlot(results));
  results.push(shown(await measureScale(tools, 1000, true)));
  keep("scale", results, scaleTable(results));
}

async function list(tools: Tools): Promise<void> {
  const results: ListResult[] = [];
  for (const runtime of runtimes()) {
    for (const pods of values.pods.split(",").map(Number)) {
      results.push(shown(await measureList(tools, runtime, pods)));
    }
  }
  keep("list", results, listTable(results));
}

async function cold(tools: Tools): Promise<void> {
  const results: ColdResult[] = [];
  for (const runtime of runtimes()) results.push(shown(await measureCold(tools, runtime)));
  keep("cold", results, coldTable(results));
}

async function outage(tools: Tools): Promise<void> {
  const results: OutageResult[] = [];
  for (const runtime of runtimes()) results.push(shown(await measureOutage(tools, runtime)));
  keep("outage", results, outageTable(results));
}

function runtimes(): Runtime[] {
  return values.runtimes.split(",").map((name) => name === "Node" ? "Node" : "Deno");
}

function shown<T>(result: T): T {
  process.stdout.write(`${JSON.stringify(result)}\n`);
  return result;
}

/** As JSON in a file of its own, and as a table in the document. */
function keep(name: string, results: unknown, table: string): void {
  const file = new URL(`${name}.json`, import.meta.url);
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
  documentWith(name, table);
  formatFiles(file);
}

function aboutRun(rounds: number): Record<string, string> {
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}`,
    placement: placement(),
    pods: String(pods),
    rounds: `${rounds} of ${values.seconds} s, medians`,
  };
}

function committedRun(): Run {
  return JSON.parse(readFileSync(resultsFile, "utf8"));
}

function check(run: Run): number {
  const worse = regressions(run.cases, committedRun().cases);
  for (const line of worse) process.stderr.write(`${line}\n`);
  process.stderr.write(worse.length === 0 ? "no ratio is worse than before\n" : "");
  return worse.length === 0 ? 0 : 1;
}

function fail(line: string): number {
  process.stderr.write(`bench: ${line}\n`);
  return 2;
}
