/** Writes the metrics reference (docs/metrics.md) from agent's and server's own registries. */
import { Registry } from "@prometheus-io/client";
import { AgentCounts } from "../src/agent/metrics/agent_counts.ts";
import { publishMetrics as publishAgentMetrics } from "../src/agent/metrics/metrics.ts";
import { publishMetrics as publishServerMetrics } from "../src/server/metrics.ts";
import { ServerCounts } from "../src/server/server_counts.ts";
import { processMetrics } from "../src/telemetry/process_metrics.ts";

interface MetricRow {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: readonly string[];
}

const about = { version: "1", runtime: "any" };
/** Nothing is read for a name. */
const sources = {} as never;

export async function agentMetrics(): Promise<MetricRow[]> {
  return await rowsOf(publishAgentMetrics(new AgentCounts(), about, sources));
}

/** What both have besides. */
async function sharedMetrics(): Promise<MetricRow[]> {
  const usage = { cpuSeconds: 0, residentBytes: 0, startedAt: 0, openFiles: 0 };
  return await rowsOf(processMetrics(new Registry(), () => usage));
}

export async function serverMetrics(): Promise<MetricRow[]> {
  return await rowsOf(publishServerMetrics(new ServerCounts(), about, sources));
}

const opening = `# Metrics

Made from what the program registers (\`deno task docs\`); don't edit it by hand. Which of them matter
when: [operations](operations.md#alerts) and the dashboard there.
`;

/** The whole page. */
export async function metricsReference(): Promise<string> {
  const sections = [
    section("Agents", "9620", await agentMetrics()),
    section("Servers", "9621", await serverMetrics()),
    section("Both", null, await sharedMetrics()),
    "Open files are counted where a procfs can be read: not by a server of the image on Deno.",
    "",
  ];
  return [opening, ...sections].join("\n");
}

function section(title: string, port: string | null, rows: readonly MetricRow[]): string {
  return [
    `## ${title}`,
    "",
    ...port === null ? [] : [`\`/metrics\` on port ${port}.`, ""],
    "| metric | type | labels | what it says |",
    "| --- | --- | --- | --- |",
    ...rows.toSorted((a, b) => a.name < b.name ? -1 : 1).map(rowText),
    "",
  ].join("\n");
}

function rowText({ name, type, help, labels }: MetricRow): string {
  return `| \`${name}\` | ${type} | ${
    labels.map((label) => `\`${label}\``).join(", ")
  } | ${help} |`;
}

async function rowsOf(registry: Registry): Promise<MetricRow[]> {
  const rows: MetricRow[] = [];
  for (const metric of registry.getMetricsAsArray()) {
    const { name, help, type, get, labelNames = [] } = metric as unknown as {
      readonly name: string;
      readonly help: string;
      readonly type?: string;
      readonly get: () => Promise<{ readonly type: string }>;
      readonly labelNames?: readonly string[];
    };
    // One that is made at the scrape says its type only then.
    rows.push({ name, help, type: type ?? (await get()).type, labels: labelNames });
  }
  return rows;
}
