/** Parses arguments and environment into typed values, or into the list of all problems. */
import { parseArgs } from "node:util";
import * as v from "valibot";
import { type Flag, type FlagTable, type FlagValues, variableOf } from "./flags.ts";
import { nearest } from "./nearest.ts";

type ParsedFlags<Table extends FlagTable> =
  | {
    readonly kind: "parsed";
    readonly values: FlagValues<Table>;
    /** Names of the flags that were set. */
    readonly given: ReadonlySet<string>;
    readonly positionals: readonly string[];
  }
  | {
    readonly kind: "problems";
    readonly problems: readonly string[];
    /** Valid ones, and defaults for the rest, to find further problems. */
    readonly values: FlagValues<Table>;
    readonly positionals: readonly string[];
  };

interface Problems {
  readonly kind: "problems";
  /** One line each. */
  readonly problems: readonly string[];
}

/** What a command is to do, or everything that is wrong with its arguments. */
export type ParsedOptions<Options> =
  | { readonly kind: "options"; readonly options: Options }
  | Problems;

/** The settings of a program that runs until it is stopped. */
export type ParsedSettings<Settings> =
  | {
    readonly kind: "parsed";
    readonly settings: Settings;
    /** Valid settings with consequences that operators should know, for the log. */
    readonly notices: readonly string[];
  }
  | Problems;

export type Env = Readonly<Record<string, string | undefined>>;

/**
 * Precedence: arguments, `ROLECALL_…`, the flag's plain variable, the default; an empty variable counts
 * as absent. Unknown variables are checked in `main.ts`, against the flags of all commands. Every
 * problem is a line that names the flag (or variable), the value and what is expected.
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

/** {@link parseFlags} for a command that takes no other arguments. */
export function parseFlagsOnly<Table extends FlagTable>(
  command: string,
  table: Table,
  args: readonly string[],
  env: Env,
): ParsedFlags<Table> {
  const parsed = parseFlags(table, args, env);
  const { values, positionals } = parsed;
  if (positionals.length === 0) return parsed;
  const strays = positionals.map((text) => `${text}: unexpected; ${command} takes flags only`);
  const found = parsed.kind === "problems" ? parsed.problems : [];
  return { kind: "problems", problems: [...found, ...strays], values, positionals };
}

/** The values so far, starting with the defaults. */
class Reading {
  readonly problems: string[] = [];
  readonly given = new Set<string>();
  readonly values: Record<string, unknown> = {};

  constructor(table: FlagTable) {
    for (const [name, flag] of Object.entries(table)) this.values[name] = flag.fallback;
  }

  /** `source`: the flag or variable as it was written. */
  set(name: string, flag: Flag<unknown>, source: string, text: string): void {
    const parsed = v.safeParse(flag.schema, text);
    if (!parsed.success) {
      const expected = `expected ${flag.expects}`;
      return void this.problems.push(`${source}: ${quoted(text)} is not valid; ${expected}`);
    }
    const value = parsed.output;
    this.values[name] = flag.kind === "list" ? [...this.#before(name), ...value as []] : value;
    this.given.add(name);
  }

  /** A list may be given repeatedly. */
  #before(name: string): readonly unknown[] {
    return this.given.has(name) ? this.values[name] as readonly unknown[] : [];
  }
}

/** The arguments as flags with their values, and positionals; unknown flags aren't errors here. */
export function flagTokens(table: FlagTable, args: readonly string[]) {
  const kinds = Object.entries(table).map(([name, { kind, short }]) => {
    const type = kind === "switch" ? "boolean" as const : "string" as const;
    return [name, { type, ...(short === undefined ? {} : { short }) }] as const;
  });
  return parseArgs({
    args: [...args],
    options: Object.fromEntries(kinds),
    strict: false,
    tokens: true,
    allowPositionals: true,
  }).tokens;
}

/** Returns the positionals. */
function readArguments(read: Reading, table: FlagTable, args: readonly string[]): string[] {
  const tokens = flagTokens(table, args);
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const { name, rawName } = token;
    // `-n=shop` is what kubectl takes too.
    const value = /^-[a-z]$/i.test(rawName) ? token.value?.replace(/^=/, "") : token.value;
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
  const advice = close === undefined ? "see --help for the list" : `did you mean --${close}?`;
  return `${rawName}: unknown flag; ${advice}`;
}

/** A value as error messages show it: on one line, shortened. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? text.slice(0, 80) + "…" : text);
}
