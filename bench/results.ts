/** The medians of a run's rounds, their ratios, and how far apart the rounds were. */
import type { CandidateName } from "./candidates.ts";
import type { Case } from "./cases.ts";
import type { Measured } from "./measure.ts";

export type Rounds = Partial<Record<CandidateName, readonly Measured[]>>;

export interface Ratio {
  /** Candidate's to baseline's, median over rounds. */
  readonly median: number;
  /** Half of the distance between the lowest and the highest round, as a share of the median. */
  readonly spread: number;
  /** The medians of the last runs that were kept, this one's at the end. */
  readonly runs?: readonly number[];
}

export interface CaseResult {
  readonly name: string;
  readonly baseline: CandidateName;
  readonly measured: Partial<Record<CandidateName, Measured>>;
  /** Of throughput and of processor time for each answer, against the baseline. */
  readonly ratios: Partial<Record<CandidateName, { readonly rate: Ratio; readonly cpu: Ratio }>>;
}

export function summarize({ name, baseline, candidates }: Case, rounds: Rounds): CaseResult {
  const measured: CaseResult["measured"] = {};
  const ratios: CaseResult["ratios"] = {};
  const base = rounds[baseline] ?? [];
  for (const candidate of candidates) {
    const own = rounds[candidate] ?? [];
    measured[candidate] = {
      rate: median(own.map(({ rate }) => rate)),
      p50Ms: median(own.map(({ p50Ms }) => p50Ms)),
      p99Ms: median(own.map(({ p99Ms }) => p99Ms)),
      cpu: median(own.map(({ cpu }) => cpu)),
      errors: own.reduce((sum, { errors }) => sum + errors, 0),
    };
    if (candidate === baseline) continue;
    ratios[candidate] = {
      rate: ratioOf(own.map(({ rate }, at) => rate / (base[at]?.rate ?? NaN))),
      cpu: ratioOf(own.map(({ cpu }, at) => cpu / (base[at]?.cpu ?? NaN))),
    };
  }
  return { name, baseline, measured, ratios };
}

/** So many runs are remembered, so that their differences can be known for noise. */
const maxRuns = 8;

/** The results, each ratio with those of the runs before it. */
export function withHistory(
  now: readonly CaseResult[],
  before: readonly CaseResult[],
): CaseResult[] {
  const known = new Map(before.map((result) => [result.name, result.ratios]));
  return now.map((result) => {
    const old = known.get(result.name);
    const ratios = Object.entries(result.ratios).map(([name, { rate, cpu }]) => {
      const earlier = old?.[name as CandidateName];
      return [name, { rate: after(earlier?.rate, rate), cpu: after(earlier?.cpu, cpu) }];
    });
    return { ...result, ratios: Object.fromEntries(ratios) };
  });
}

function after(earlier: Ratio | undefined, now: Ratio): Ratio {
  const runs = earlier === undefined ? [] : earlier.runs ?? [earlier.median];
  return { ...now, runs: [...runs, now.median].slice(-maxRuns) };
}

function ratioOf(values: readonly number[]): Ratio {
  const middle = median(values);
  const spread = (Math.max(...values) - Math.min(...values)) / 2 / middle;
  return { median: middle, spread };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}
