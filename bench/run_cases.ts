/** All cases, candidate by candidate in turn, so that whatever else the machine does meets all. */
import type { Candidate, CandidateName, ServerAssembly, startCandidate } from "./candidates.ts";
import type { Case } from "./cases.ts";
import { measure, type Measured } from "./measure.ts";
import type { Run } from "./report.ts";
import { type CaseResult, median, summarize } from "./results.ts";

export interface Plan {
  readonly cases: readonly Case[];
  readonly rounds: number;
  readonly seconds: number;
  readonly say: (line: string) => void;
}

type Start = typeof startCandidate;

/** How long after its start an agent's memory counts as that at rest. */
const waitMs = 1500;
/** How long after the load: the agent collects garbage in the first lull. */
const lullMs = 25_000;
const starts = 5;

export async function runCases(
  plan: Plan,
  around: ServerAssembly,
  start: Start,
): Promise<Omit<Run, "about">> {
  const names = [...new Set(plan.cases.flatMap(({ candidates }) => candidates))];
  const agents = names.filter((name) => name.startsWith("agent"));
  const startMs = await startTimes(agents, around, start);
  const running = new Map<CandidateName, Candidate>();
  try {
    for (const name of names) running.set(name, await start(name, around));
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    const rest = memoryOf(agents, running);
    const cases: CaseResult[] = [];
    for (const one of plan.cases) cases.push(await runCase(one, plan, around, running));
    await new Promise((resolve) => setTimeout(resolve, lullMs));
    return { cases, memory: compare(rest, memoryOf(agents, running)), startMs };
  } finally {
    for (const { program } of running.values()) await program.stop();
  }
}

async function runCase(
  one: Case,
  plan: Plan,
  around: ServerAssembly,
  running: ReadonlyMap<CandidateName, Candidate>,
): Promise<CaseResult> {
  const rounds: Partial<Record<CandidateName, Measured[]>> = {};
  const { seconds } = plan;
  for (let round = 0; round < plan.rounds; round++) {
    for (const name of one.candidates) {
      const load = { ...one.load, seconds, warmup: round === 0 ? seconds : seconds / 4 };
      const measured = await measure(around.tools.go, running.get(name)!, load);
      (rounds[name] ??= []).push(measured);
    }
  }
  const result = summarize(one, rounds);
  const ratio = result.ratios.agent;
  plan.say(`${one.name}: ${ratio?.rate.median.toFixed(2)} of ${one.baseline}'s throughput`);
  return result;
}

async function startTimes(agents: readonly CandidateName[], around: ServerAssembly, start: Start) {
  const times: Record<string, number> = {};
  for (const name of agents) {
    const taken: number[] = [];
    for (let i = 0; i < starts; i++) {
      const began = performance.now();
      const { program } = await start(name, around);
      taken.push(performance.now() - began);
      await program.stop();
    }
    times[name] = median(taken);
  }
  return times;
}

function memoryOf(
  agents: readonly CandidateName[],
  running: ReadonlyMap<CandidateName, Candidate>,
): Record<string, { rss: number; peak: number }> {
  return Object.fromEntries(agents.map((name) => [name, running.get(name)!.program.memory()]));
}

function compare(
  rest: Record<string, { rss: number }>,
  after: Record<string, { rss: number; peak: number }>,
): Run["memory"] {
  return Object.fromEntries(
    Object.entries(after).map(([name, { rss, peak }]) => [
      name,
      { rest: rest[name]?.rss ?? NaN, after: rss, peak },
    ]),
  );
}
