/** Turns arguments and environment into typed values, or into the whole list of what is wrong. */
import { parseArgs } from "node:util";
import { type Flag, type FlagTable, type FlagValues, variableOf } from "./flags.ts";
import { nearest } from "./nearest.ts";

export type ParsedFlags<Table extends FlagTable> =
  | {
    readonly kind: "parsed";
    readonly values: FlagValues<Table>;
    /** Names that arguments or environment gave. */
    readonly given: ReadonlySet<string>;
    readonly positionals: readonly string[];
  }
  | {
    readonly kind: "problems";
    readonly problems: readonly string[];
    /** Those that are right, defaults for the rest: to find what else is wrong. */
    readonly values: FlagValues<Table>;
    readonly positionals: readonly string[];
  };

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Arguments win over `ROLECALL_…`, that over the flag's plain variable, that over the default; an
 * empty variable counts as absent. Other variables are nobody's mistake. Every problem is
 * a line that names flag (or variable), value and what is expected.
 */
export function parseFlags<Table extends FlagTable>(
  table: Table,
  args: readonly string[],
  env: Env,
): ParsedFlags<Table> {
  const read = new Reading(table);
  const positionals = readArguments(read, table, args);
  readVariables(read, table, env);
  const { problems, given } = read;
  const values = read.values as FlagValues<Table>;
  if (problems.length > 0) return { kind: "problems", problems, values, positionals };
  return { kind: "parsed", values, given, positionals };
}

/** The values so far, at first the defaults. */
class Reading {
  readonly problems: string[] = [];
  readonly given = new Set<string>();
  readonly values: Record<string, unknown> = {};

  constructor(table: FlagTable) {
    for (const [name, flag] of Object.entries(table)) this.values[name] = flag.fallback;
  }

  /** `source`: the flag or variable as it was written. */
  set(name: string, flag: Flag<unknown>, source: string, text: string): void {
    const value = flag.read(text);
    if (value === undefined) {
      const expected = `expected ${flag.expects}`;
      return void this.problems.push(`${source}: ${quoted(text)} is not valid; ${expected}`);
    }
    this.values[name] = flag.kind === "list" ? [...this.#before(name), ...value as []] : value;
    this.given.add(name);
  }

  /** A list may be given more than once. */
  #before(name: string): readonly unknown[] {
    return this.given.has(name) ? this.values[name] as readonly unknown[] : [];
  }
}

/** The arguments as flags, with the values that belong to them, and words; none is refused yet. */
export function flagTokens(table: FlagTable, args: readonly string[]) {
  const kinds = Object.entries(table).map(([name, { kind }]) => {
    return [name, { type: kind === "switch" ? "boolean" as const : "string" as const }] as const;
  });
  return parseArgs({
    args: [...args],
    options: Object.fromEntries(kinds),
    strict: false,
    tokens: true,
    allowPositionals: true,
  }).tokens;
}

/** Gives the words that belong to no flag. */
function readArguments(read: Reading, table: FlagTable, args: readonly string[]): string[] {
  const tokens = flagTokens(table, args);
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const { name, rawName, value } = token;
    const flag = Object.hasOwn(table, name) ? table[name] : undefined;
    if (flag === undefined) read.problems.push(unknownFlag(rawName, Object.keys(table)));
    else if (flag.kind === "switch") read.set(name, flag, rawName, value ?? "true");
    else if (value !== undefined) read.set(name, flag, rawName, value);
    else read.problems.push(`${rawName}: needs a value; expected ${flag.expects}`);
  }
  return tokens.flatMap((token) => token.kind === "positional" ? [token.value] : []);
}

function readVariables(read: Reading, table: FlagTable, env: Env): void {
  for (const [name, flag] of Object.entries(table)) {
    if (read.given.has(name)) continue;
    const variables = [variableOf(name), ...(flag.env === undefined ? [] : [flag.env])];
    const variable = variables.find((key) => (env[key] ?? "") !== "");
    if (variable !== undefined) read.set(name, flag, variable, env[variable]!);
  }
}

function unknownFlag(rawName: string, names: readonly string[]): string {
  const close = nearest(rawName.replace(/^-+/, ""), names);
  const advice = close === undefined
    ? "see --help for those there are"
    : `did you mean --${close}?`;
  return `${rawName}: unknown flag; ${advice}`;
}

/** A foreign value as a complaint shows it: one line, shortened. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? text.slice(0, 80) + "…" : text);
}
