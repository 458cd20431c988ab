/**
 * Benchmarks: `deno task bench [MODE]` or `node bench/main.ts [MODE]`. Tables of docs/performance.md:
 * - `requests`, also without a mode: requests, memory and startup of the agent in the image, from
 *   source and on Node, beside a Go program; added to the runs in bench/results.json
 * - `scale`: the server in a growing cluster
 * - `list`: the server's memory as the number of pods grows
 * - `cold`: how soon a new pod is served
 * - `outage`: the only server is killed for a while
 * - `proof`: what the kernel's proof of a connection costs, in network namespaces, as root
 *
 * `all` replaces every table, the first by `--runs` new runs; `check [TABLE…]` compares with what is
 * stored instead. Options: `--seconds S`, `--only TEXT`, `--nodes N,N`, `--pods N,N`,
 * `--variants image,Node`.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { cases as allCases } from "./cases.ts";
import { coldTable, measureCold } from "./cold.ts";
import { documentWith, formatFiles } from "./document.ts";
import { startFeed } from "./feed.ts";
import { type ListResult, listTable, measureList } from "./list.ts";
import { placement, Program } from "./program.ts";
import { measureRequests } from "./requests.ts";
import { regressions, type Run, tableOf, withRun, worseThanStored } from "./results.ts";
import { measureScale, type ScaleResult, scaleTable } from "./scale.ts";
import { scalePlot } from "./scale_plot.ts";
import { measureOutage, outageTable } from "./outage.ts";
import { measureProof, type ProofResult, proofTable } from "./proof.ts";
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
    runs: { type: "string", default: "3" },
    variants: { type: "string", default: "image,Node" },
  },
});

/** A table: measured and stored, or measured and compared. */
interface Table {
  store(tools: Tools): Promise<void>;
  /** A line for each figure that became worse. */
  worse(tools: Tools): Promise<string[]>;
  /** What is missing here for it to be measured, or null. */
  cannotRun?(): Promise<string | null>;
}

const tables: Readonly<Record<string, Table>> = {
  requests: {
    store: storeRequests,
    worse: async (tools) => regressions(runs(), await measure(tools)),
  },
  list: table("list", measureLists, listTable),
  cold: table("cold", (tools) => eachVariant(tools, measureCold), coldTable),
  outage: table("outage", (tools) => eachVariant(tools, measureOutage), outageTable),
  scale: table("scale", measureScales, (results) => {
    writeFileSync(plotFile, scalePlot(results.filter(({ tls }) => !tls)));
    return scaleTable(results);
  }),
  proof: { ...table("proof", measureProofs, proofTable), cannotRun },
};

const [mode = "requests", ...chosen] = positionals;
process.exit(await main());

async function main(): Promise<number> {
  const names = mode === "check" ? chosen : mode === "all" ? [] : [mode];
  const unknown = names.find((name) => !Object.hasOwn(tables, name));
  if (unknown !== undefined) {
    return fail(
      `${unknown}: unknown; one of ${[...Object.keys(tables), "all", "check"].join(", ")}`,
    );
  }
  const lacks = missing();
  if (lacks.length > 0) return fail(lacks.map((need) => `needs ${need}`).join("\n"));
  const wanted: Table[] = [];
  for (const name of names.length > 0 ? names : Object.keys(tables)) {
    const lack = await tables[name]!.cannotRun?.() ?? null;
    if (lack === null) wanted.push(tables[name]!);
    else if (names.length > 0) return fail(`${name}: ${lack}`);
    else process.stderr.write(`${name} is left out: ${lack}\n`);
  }
  return await withTools(
    mode === "check" ? (tools) => check(tools, wanted) : async (tools) => {
      if (mode === "all") await replaceRequests(tools);
      const rest = mode === "all" ? wanted.slice(1) : wanted;
      for (const one of rest) await one.store(tools);
      return 0;
    },
  );
}

async function check(tools: Tools, wanted: readonly Table[]): Promise<number> {
  const worse: string[] = [];
  for (const one of wanted) worse.push(...await one.worse(tools));
  for (const line of worse) process.stderr.write(`${line}\n`);
  if (worse.length === 0) process.stderr.write("no figure is worse than what is stored\n");
  return worse.length === 0 ? 0 : 1;
}

/** New runs in place of the stored ones, which go only once the first of them is there. */
async function replaceRequests(tools: Tools): Promise<void> {
  const fresh: Run[] = [];
  while (fresh.length < Number(values.runs)) {
    fresh.push(await measure(tools));
    storeRuns(fresh);
  }
}

async function storeRequests(tools: Tools): Promise<void> {
  const run = await measure(tools);
  if (values.only === "") storeRuns(withRun(runs(), run));
  else process.stdout.write(`\n${tableOf([run])}`);
}

function storeRuns(all: readonly Run[]): void {
  writeFileSync(resultsFile, `${JSON.stringify(all, null, 2)}\n`);
  documentWith("bench", tableOf(all));
  formatFiles(resultsFile);
  process.stdout.write(`\n${tableOf(all)}`);
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

async function measureScales(tools: Tools): Promise<ScaleResult[]> {
  const results: ScaleResult[] = [];
  for (const nodes of values.nodes.split(",").map(Number)) {
    results.push(shown(await measureScale(tools, nodes, false)));
  }
  results.push(shown(await measureScale(tools, 1000, true)));
  return results;
}

async function measureLists(tools: Tools): Promise<ListResult[]> {
  const results: ListResult[] = [];
  for (const variant of variants()) {
    for (const pods of values.pods.split(",").map(Number)) {
      results.push(shown(await measureList(tools, variant, pods)));
    }
  }
  return results;
}

async function measureProofs(): Promise<ProofResult[]> {
  const results: ProofResult[] = [];
  for await (const result of measureProof()) results.push(shown(result));
  return results;
}

async function eachVariant<T>(
  tools: Tools,
  measure: (tools: Tools, variant: Variant) => Promise<T>,
): Promise<T[]> {
  const results: T[] = [];
  for (const variant of variants()) results.push(shown(await measure(tools, variant)));
  return results;
}

function variants(): Variant[] {
  return values.variants.split(",").map((name) => name === "Node" ? "Node" : "image");
}

function shown<T>(result: T): T {
  process.stdout.write(`${JSON.stringify(result)}\n`);
  return result;
}

/** Stored as JSON in a file of its own, and in its place in the document. */
function table<T extends object>(
  name: string,
  measure: (tools: Tools) => Promise<readonly T[]>,
  text: (results: readonly T[]) => string,
): Table {
  const file = new URL(`${name}.json`, import.meta.url);
  return {
    store: async (tools) => {
      const results = await measure(tools);
      writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
      documentWith(name, text(results));
      formatFiles(file);
    },
    worse: async (tools) =>
      worseThanStored(name, JSON.parse(readFileSync(file, "utf8")), await measure(tools)),
  };
}

function aboutRun(): string {
  const date = new Date().toISOString().slice(0, 10);
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}`;
  return `${date}, ${machine}, ${placement()}, ${pods} pods, ${values.seconds} s each`;
}

function runs(): Run[] {
  return existsSync(resultsFile) ? JSON.parse(readFileSync(resultsFile, "utf8")) : [];
}

function fail(line: string): number {
  process.stderr.write(`bench: ${line}\n`);
  return 2;
}
