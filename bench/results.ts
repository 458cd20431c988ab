/** The figures of the last runs, as tables of ranges, and whether a run is worse than all of them. */
import { type CandidateName, candidateNames } from "./candidates.ts";

/** One run: what was measured, by candidate. */
export type Figures = Record<string, Partial<Record<CandidateName, number>>>;

export interface Run {
  /** When and on what. */
  readonly about: string;
  readonly figures: Figures;
}

const maxRuns = 8;
/** Runs vary by this much. */
const margin = 0.15;

export function withRun(runs: readonly Run[], now: Run): Run[] {
  return [...runs, now].slice(-maxRuns);
}

/** Lowest and highest of each figure. */
export function tableOf(runs: readonly Run[]): string {
  const names = Object.keys(runs.at(-1)?.figures ?? {});
  const rows = names.map((name) => [name, ...candidateNames.map((one) => range(runs, name, one))]);
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const head = ["", ...candidateNames];
  const rule = head.map((_, at) => at === 0 ? "---" : "--:");
  return [
    `Stored runs: ${runs.length}; the last: ${runs.at(-1)?.about}`,
    "",
    ...[head, rule, ...rows].map(line),
    "",
  ]
    .join("\n");
}

function range(runs: readonly Run[], name: string, candidate: CandidateName): string {
  const values = valuesOf(runs, name, candidate);
  if (values.length === 0) return "";
  const [low, high] = [shown(Math.min(...values)), shown(Math.max(...values))];
  return low === high ? low : `${low} – ${high}`;
}

function shown(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(2);
}

/** One line for each figure that is worse than in every stored run, as a ratio to Go's in the same run. */
export function regressions(runs: readonly Run[], { figures }: Run): string[] {
  return Object.keys(figures).flatMap((name) =>
    candidateNames.filter((one) => one !== "Go").flatMap((candidate) => {
      const [now] = ratios([{ about: "", figures }], name, candidate);
      const before = ratios(runs, name, candidate);
      if (now === undefined || before.length === 0) return [];
      const higher = name.endsWith("per second");
      const worst = higher ? Math.min(...before) : Math.max(...before);
      const worse = higher ? now < worst * (1 - margin) : now > worst * (1 + margin);
      if (!worse) return [];
      return [
        `${name}, ${candidate}: ${now.toFixed(2)} of Go's; at worst ${worst.toFixed(2)} before`,
      ];
    })
  );
}

function ratios(runs: readonly Run[], name: string, candidate: CandidateName): number[] {
  return runs.flatMap(({ figures }) => {
    const own = figures[name]?.[candidate];
    const base = figures[name]?.Go;
    return own === undefined || base === undefined ? [] : [own / base];
  });
}

function valuesOf(runs: readonly Run[], name: string, candidate: CandidateName): number[] {
  return runs.map(({ figures }) => figures[name]?.[candidate]).filter((one) => one !== undefined);
}

/** Named by these; of every other figure, except the number of proofs, less is better. */
const identifying = new Set(["name", "variant", "nodes", "tls", "pods", "roles", "requests"]);
/** No repetition excuses more of these. */
const counted = new Set(["failed", "stsCalls", "callsAfterRestart"]);

/**
 * One line for each figure of a table that is over half worse than the stored one: unlike a ratio to
 * another program's in the same run, it depends on the machine and what else it does.
 */
export function worseThanStored(
  table: string,
  stored: readonly object[],
  now: readonly object[],
): string[] {
  const before = new Map(stored.flatMap((result) => figuresOf(table, result)));
  return now.flatMap((result) => figuresOf(table, result)).flatMap(([name, value]) => {
    const limit = before.get(name);
    if (limit === undefined || value <= mostAllowed(name, limit)) return [];
    return [`${name}: ${shown(value)}; stored: ${shown(limit)}`];
  });
}

function mostAllowed(name: string, stored: number): number {
  const field = name.split(", ").at(-1) ?? "";
  if (counted.has(field)) return stored;
  return stored * 1.5 + (field.endsWith("Ms") ? 5 : 0.1);
}

/** Each number in a result, with the path to it. */
function figuresOf(path: string, result: object): [name: string, value: number][] {
  const entries = Object.entries(result);
  const names = entries.filter(([key]) => identifying.has(key)).map(([key, is]) => `${key} ${is}`);
  const here = [path, ...names].join(", ");
  return entries.filter(([key]) => !identifying.has(key) && key !== "proofs").flatMap(
    ([key, value]) => {
      if (typeof value === "number") return [[`${here}, ${key}`, value]];
      return typeof value === "object" && value !== null ? figuresOf(`${here}, ${key}`, value) : [];
    },
  );
}
