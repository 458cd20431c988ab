/**
 * `deno task simulate`: runs clusters from a seed, one after the other, and adds up what was checked.
 * A run that fails is shrunk and printed as a scenario file; `--scenario FILE` runs such a file.
 */
import { readFile } from "node:fs/promises";
import process from "node:process";
import { parseArgs } from "node:util";
import { scenarioOf } from "./faults.ts";
import { readScenario, type Scenario, type StepKind, writeScenario } from "./scenario.ts";
import { shrink } from "./shrink.ts";
import { type Figures, type Outcome, simulate } from "./simulation.ts";
import { withoutRepeats } from "./trace.ts";

const usage = `deno task simulate [OPTIONS]
  --seed TEXT       today's date by default
  --runs N          clusters, each from a seed of its own: SEED-1, SEED-2 …; 20 by default
  --first N         the number of the first one; 1 by default
  --nodes N         nodes of each cluster; 2 by default
  --days D          simulated time of each; 0.02 by default
  --scenario FILE   one run, of this scenario
  --trace           prints what happened in each run
  --whole           a run that fails isn't shrunk
`;

/** How many scenarios may be tried to make one that fails smaller. */
const shrinkTries = 300;
/** What is shown of a failure's trace. */
const shownLines = 40;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: new Date().toISOString().slice(0, 10) },
      runs: { type: "string", default: "20" },
      first: { type: "string", default: "1" },
      nodes: { type: "string", default: "2" },
      days: { type: "string", default: "0.02" },
      scenario: { type: "string" },
      trace: { type: "boolean", default: false },
      whole: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const total = new Total();
  for (const scenario of await scenarios(values)) {
    const outcome = await simulate(scenario);
    total.add(outcome.figures);
    if (values.trace) process.stdout.write(outcome.trace);
    if (outcome.violations.length > 0) {
      await report(scenario, outcome, values.whole);
      return 1;
    }
  }
  if (!values.trace) process.stdout.write(total.text());
  return 0;
}

interface Values {
  readonly seed: string;
  readonly runs: string;
  readonly first: string;
  readonly nodes: string;
  readonly days: string;
  readonly scenario?: string | undefined;
}

async function scenarios({ seed, runs, first, nodes, days, scenario }: Values) {
  if (scenario !== undefined) return [readScenario(await readFile(scenario, "utf8"))];
  console.error(`seed ${seed}`);
  const size = { nodes: Number(nodes), hours: Number(days) * 24 };
  if (!(size.nodes >= 1 && size.hours > 0 && Number(runs) >= 1)) {
    throw new Error(`--runs, --nodes and --days: expected numbers above 0`);
  }
  return Iterator.from(seedsOf(seed, Number(first), Number(runs))).map((seed) =>
    scenarioOf({ seed, ...size })
  );
}

function* seedsOf(seed: string, first: number, runs: number): Iterable<string> {
  for (let run = first; run < first + runs; run++) yield `${seed}-${run}`;
}

/** The failure in as few steps as possible, as a file of `scenarios/`. */
async function report(scenario: Scenario, outcome: Outcome, whole: boolean): Promise<void> {
  const { rule, text } = outcome.violations[0]!;
  console.log(`FAILED ${scenario.setting.seed}: ${rule}: ${text}`);
  if (whole) return;
  const fails = async (smaller: Scenario) =>
    (await simulate(smaller)).violations.some((violation) => violation.rule === rule);
  const smallest = await shrink(scenario, { fails, tries: shrinkTries });
  const { violations, trace } = await simulate(smallest);
  console.log(`\nShrunk to:\n\n# ${violations[0]!.rule}: ${violations[0]!.text}`);
  console.log(writeScenario(smallest));
  const lines = withoutRepeats(trace.trimEnd().split("\n"));
  console.log(`The end of its trace:\n${lines.slice(-shownLines).join("\n")}`);
}

class Total {
  #runs = 0;
  readonly #sums = new Map<string, number>();
  readonly #faults = new Map<string, number>();
  readonly #changes = new Map<string, number>();

  add({ steps, ...figures }: Figures): void {
    this.#runs++;
    for (const [name, value] of Object.entries(figures)) add(this.#sums, name, value);
    for (const step of steps) this.#count(step);
  }

  #count({ of, name }: StepKind): void {
    if (of !== "end") add(of === "fault" ? this.#faults : this.#changes, name, 1);
  }

  text(): string {
    const sum = (name: keyof Figures) => Math.round(this.#sums.get(name) ?? 0);
    return `${this.#runs} runs, ${sum("nodeHours")} node-hours, ${sum("events")} events, ` +
      `${sum("stsCalls")} calls of STS\n` +
      `${sum("answers")} answers checked, ${sum("credentials")} with credentials, ` +
      `${sum("strict")} while everything worked, ${sum("forged")} to forged requests: 0 wrong\n` +
      `faults: ${listed(this.#faults)}\nchanges: ${listed(this.#changes)}\n`;
  }
}

/** Their sum, then each with its count, the most frequent first. */
function listed(counts: ReadonlyMap<string, number>): string {
  const sum = counts.values().reduce((sum, count) => sum + count, 0);
  const each = [...counts].toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${count}`);
  return `${sum} (${each.join(", ")})`;
}

function add(sums: Map<string, number>, name: string, value: number): void {
  sums.set(name, (sums.get(name) ?? 0) + value);
}

process.exitCode = await main();
