/**
 * Benchmarks: `deno task bench [MODE]` or `node bench/main.ts [MODE]`. Modes:
 * - none: requests, memory and startup of the agent in the image, from source and on Node, beside a
 *   Go program; written to docs/performance.md and bench/results.json
 * - `check`: the same, compared with the stored runs
 * - `scale`: the server in a growing cluster
 * - `list`: the server's memory as the number of pods grows
 * - `cold`: how soon a new pod is served
 * - `outage`: the only server is killed for a while
 * - `proof`: what the kernel's proof of a connection costs, in network namespaces, as root
 *
 * Options: `--seconds S`, `--only TEXT`, `--nodes N,N`, `--pods N,N`, `--variants image,Node`.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { cases as allCases } from "./cases.ts";
import { type ColdResult, coldTable, measureCold } from "./cold.ts";
import { documentWith, formatFiles } from "./document.ts";
import { startFeed } from "./feed.ts";
import { type ListResult, listTable, measureList } from "./list.ts";
import { placement, Program } from "./program.ts";
import { measureRequests } from "./requests.ts";
import { regressions, type Run, tableOf, withRun } from "./results.ts";
import { measureScale, type ScaleResult, scaleTable } from "./scale.ts";
import { scalePlot } from "./scale_plot.ts";
import { measureProof, type ProofResult, proofTable } from "./proof.ts";
import { measureOutage, type OutageResult, outageTable } from "./outage.ts";
import { missing, prepareTools, type Tools } from "./tools.ts";
import { cannotRun } from "../tests/system/identity/pod_network.ts";
import type { Variant } from "./variants.ts";

const resultsFile = new URL("results.json", import.meta.url);
const plotFile = new URL("../docs/scale.svg", import.meta.url);
const pods = 110;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "5" },
    nodes: { type: "string", default: "100,1000,5000" },
    only: { type: "string", default: "" },
    pods: { type: "string", default: "0,1000,10000" },
    variants: { type: "string", default: "image,Node" },
  },
});

process.exit(await main(positionals[0] ?? "run"));

async function main(mode: string): Promise<number> {
  const modes = ["run", "check", "scale", "list", "cold", "outage", "proof"];
  if (!modes.includes(mode)) return fail(`${mode}: unknown; one of ${modes.join(", ")}`);
  if (mode === "proof") return await proof();
  const lacks = missing();
  if (lacks.length > 0) return fail(lacks.map((need) => `needs ${need}`).join("\n"));
  if (mode === "scale") return await withTools(scale);
  if (mode === "list") return await withTools(list);
  if (mode === "cold") return await withTools(cold);
  if (mode === "outage") return await withTools(outage);
  const run = await withTools(measure);
  if (mode === "check") return check(run);
  if (values.only !== "") return show([run]);
  const runs = withRun(keptRuns(), run);
  writeFileSync(resultsFile, `${JSON.stringify(runs, null, 2)}\n`);
  documentWith("bench", tableOf(runs));
  formatFiles(resultsFile);
  return show(runs);
}

async function measure(tools: Tools): Promise<Run> {
  const { port: feedPort, server } = await startFeed(pods);
  const upstream = new Program("load", [tools.go, "upstream"]);
  try {
    const site = { tools, feedPort, upstreamPort: await upstream.port() };
    const cases = allCases.filter(({ name }) => name.includes(values.only));
    const figures = await measureRequests(cases, Number(values.seconds), site);
    return { about: aboutRun(), figures };
  } finally {
    await upstream.stop();
    server.close();
    server.closeAllConnections();
  }
}

async function withTools<T>(work: (tools: Tools) => Promise<T>): Promise<T> {
  const tools = prepareTools();
  try {
    return await work(tools);
  } finally {
    rmSync(tools.folder, { recursive: true });
  }
}

async function scale(tools: Tools): Promise<number> {
  const results: ScaleResult[] = [];
  for (const nodes of values.nodes.split(",").map(Number)) {
    results.push(shown(await measureScale(tools, nodes, false)));
  }
  writeFileSync(plotFile, scalePlot(results));
  results.push(shown(await measureScale(tools, 1000, true)));
  return keep("scale", results, scaleTable(results));
}

async function list(tools: Tools): Promise<number> {
  const results: ListResult[] = [];
  for (const variant of variants()) {
    for (const pods of values.pods.split(",").map(Number)) {
      results.push(shown(await measureList(tools, variant, pods)));
    }
  }
  return keep("list", results, listTable(results));
}

async function cold(tools: Tools): Promise<number> {
  const results: ColdResult[] = [];
  for (const variant of variants()) results.push(shown(await measureCold(tools, variant)));
  return keep("cold", results, coldTable(results));
}

async function outage(tools: Tools): Promise<number> {
  const results: OutageResult[] = [];
  for (const variant of variants()) results.push(shown(await measureOutage(tools, variant)));
  return keep("outage", results, outageTable(results));
}

async function proof(): Promise<number> {
  const lacks = await cannotRun();
  if (lacks !== null) return fail(lacks);
  const results: ProofResult[] = [];
  for await (const result of measureProof()) results.push(shown(result));
  return keep("proof", results, proofTable(results));
}

function variants(): Variant[] {
  return values.variants.split(",").map((name) => name === "Node" ? "Node" : "image");
}

function shown<T>(result: T): T {
  process.stdout.write(`${JSON.stringify(result)}\n`);
  return result;
}

/** As JSON in a file of its own, and as a table in the document. */
function keep(name: string, results: unknown, table: string): number {
  const file = new URL(`${name}.json`, import.meta.url);
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
  documentWith(name, table);
  formatFiles(file);
  return 0;
}

function aboutRun(): string {
  const date = new Date().toISOString().slice(0, 10);
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}`;
  return `${date}, ${machine}, ${placement()}, ${pods} pods, ${values.seconds} s each`;
}

function keptRuns(): Run[] {
  return existsSync(resultsFile) ? JSON.parse(readFileSync(resultsFile, "utf8")) : [];
}

function check(run: Run): number {
  const worse = regressions(keptRuns(), run);
  for (const line of worse) process.stderr.write(`${line}\n`);
  if (worse.length === 0) process.stderr.write("no figure is worse than in the stored runs\n");
  return worse.length === 0 ? 0 : 1;
}

function show(runs: readonly Run[]): number {
  process.stdout.write(`\n${tableOf(runs)}`);
  return 0;
}

function fail(line: string): number {
  process.stderr.write(`bench: ${line}\n`);
  return 2;
}
