/** Whether a run has become worse than the committed one, by more than runs differ anyway. */
import type { CandidateName } from "./candidates.ts";
import { type CaseResult, median, type Ratio } from "./results.ts";

/** No run repeats itself more exactly than this. */
const leastMargin = 0.15;
/** How many times the spread of a run's rounds a ratio may be off. */
const spreads = 3;

const agents: readonly CandidateName[] = ["agent", "agent on Node"];

/** One line for each ratio that is worse than its margin allows. */
export function regressions(now: readonly CaseResult[], before: readonly CaseResult[]): string[] {
  const known = new Map(before.map((result) => [result.name, result]));
  return now.flatMap((result) => {
    const earlier = known.get(result.name);
    return agents.flatMap((agent) => {
      const own = result.ratios[agent];
      const old = earlier?.ratios[agent];
      if (own === undefined || old === undefined) return [];
      const name = `${result.name}, ${agent}, against ${result.baseline}`;
      return [
        ...worse(`${name}: throughput`, old.rate, own.rate, -1),
        ...worse(`${name}: CPU`, old.cpu, own.cpu, 1),
      ];
    });
  });
}

/** Against the median of all runs that were kept; their own differences are noise, too. */
function worse(name: string, old: Ratio, now: Ratio, direction: 1 | -1): string[] {
  const runs = old.runs ?? [old.median];
  const usual = median(runs);
  const between = Math.max(...runs.map((run) => Math.abs(run / usual - 1)));
  const margin = Math.max(leastMargin, spreads * old.spread, 1.5 * between);
  const change = direction * (now.median / usual - 1);
  if (change <= margin) return [];
  const percent = (share: number) => `${(share * 100).toFixed(0)} %`;
  return [
    `${name}: ${usual.toFixed(2)} has become ${now.median.toFixed(2)}, ` +
    `worse by ${percent(change)}; up to ${percent(margin)} is noise`,
  ];
}
