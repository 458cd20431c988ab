/** Results as a table in Markdown. */
import type { CandidateName } from "./candidates.ts";
import type { CaseResult } from "./results.ts";

export interface Run {
  /** When, on what, and how. */
  readonly about: Readonly<Record<string, string>>;
  readonly cases: readonly CaseResult[];
  /** MiB of each agent: at rest with its pods, after the whole load, at most. */
  readonly memory: Readonly<Record<string, { rest: number; after: number; peak: number }>>;
  /** Milliseconds from an agent's start until it answers; medians. */
  readonly startMs: Readonly<Record<string, number>>;
}

export function tableOf(run: Run): string {
  const rows = run.cases.flatMap((result) => rowsOf(result));
  const memory = Object.entries(run.memory).map(([name, { rest, after, peak }]) =>
    `| ${name} | ${rest.toFixed(0)} | ${after.toFixed(0)} | ${peak.toFixed(0)} | ${
      run.startMs[name]?.toFixed(0) ?? ""
    } |`
  );
  return [
    Object.entries(run.about).map(([name, value]) => `${name}: ${value}`).join(" · "),
    "",
    "| work | candidate | a second | p50 ms | p99 ms | CPU s for 1,000 | throughput, ratio | CPU, ratio |",
    "| --- | --- | --: | --: | --: | --: | --: | --: |",
    ...rows,
    "",
    "| agent | RSS at rest, MiB | 25 s after the load | at most | start to first answer, ms |",
    "| --- | --: | --: | --: | --: |",
    ...memory,
    "",
  ].join("\n");
}

function rowsOf({ name, baseline, measured, ratios }: CaseResult): string[] {
  return Object.entries(measured).map(([candidate, m], at) => {
    const ratio = ratios[candidate as CandidateName];
    const [rate, cpu] = candidate === baseline
      ? ["1", "1"]
      : [ratio?.rate.median.toFixed(2), ratio?.cpu.median.toFixed(2)];
    const errors = m.errors > 0 ? ` (${m.errors} errors)` : "";
    return `| ${at === 0 ? name : ""} | ${candidate}${errors} | ${whole(m.rate)} | ${
      m.p50Ms.toFixed(2)
    } | ${m.p99Ms.toFixed(1)} | ${m.cpu.toPrecision(2)} | ${rate} | ${cpu} |`;
  });
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
