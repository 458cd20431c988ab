/**
 * Flags and their `ROLECALL_…` variables: a table says what there is. It feeds the parser, `--help`,
 * shell completion and the configuration reference.
 */
import { type HostPort, readHostPort } from "../net/host_port.ts";

/** What a value's text means; `undefined` means that it isn't one. */
type Read<T> = (text: string) => T | undefined;

export interface Flag<T> {
  readonly kind: "value" | "switch" | "list";
  /** The default's text, as the reference shows it; empty = none. */
  readonly default: string;
  readonly fallback: T;
  readonly read: Read<T>;
  /** Completes "expected …" in a complaint and stands behind the flag in `--help`. */
  readonly expects: string;
  readonly help: string;
  /** A plain variable that is read after the `ROLECALL_…` one, such as `HOST_IP`. */
  readonly env?: string;
  /** Words for shell completion. */
  readonly choices?: readonly string[];
  /** Stands for the value in `--help`; if absent, the last word of the flag's name does. */
  readonly value?: string;
}

// deno-lint-ignore no-explicit-any -- a table mixes flags of every type; the parser keeps each one's
export type FlagTable = Readonly<Record<string, Flag<any>>>;
export type FlagValues<Table extends FlagTable> = {
  readonly [Name in keyof Table]: Table[Name] extends Flag<infer T> ? T : never;
};

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/** Seconds of `90s`, `15m`, `1h` or `1h30m`. */
function readDuration(text: string): number | undefined {
  if (!/^(?:\d{1,9}[smh])+$/.test(text)) return undefined;
  return [...text.matchAll(/(\d+)([smh])/g)]
    .reduce((sum, [, count, unit]) => sum + Number(count) * (unitSeconds[unit!] ?? 0), 0);
}

function readUrl(text: string): string | undefined {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return undefined;
  return text.replace(/\/+$/, "");
}

function within(value: number | undefined, min: number, max: number): number | undefined {
  return value !== undefined && value >= min && value <= max ? value : undefined;
}

type Described<T> = Pick<Flag<T>, "help" | "expects" | "env" | "value">;

function value<T>(text: string, described: Described<T>, read: Read<T>): Flag<T> {
  return { kind: "value", default: text, fallback: read(text) as T, read, ...described };
}

/** One builder a kind of value. `help` is the text of `--help` and of the configuration reference. */
export const flag = {
  text: (text: string, help: string, extras?: Pick<Flag<string>, "env">): Flag<string> =>
    value(text, { help, expects: "a text", ...extras }, (given) => given),
  /** A text that matches `form`; `expects` says which. */
  form: (text: string, help: string, form: RegExp, expects: string): Flag<string> =>
    value(text, { help, expects }, (given) => form.test(given) ? given : undefined!),
  boolean: (help: string): Flag<boolean> => ({
    kind: "switch",
    default: "off",
    fallback: false,
    read: (text) => ({ true: true, "1": true, false: false, "0": false })[text],
    expects: "true or false",
    help,
  }),
  /** Seconds. */
  duration: (
    text: string,
    help: string,
    range: { readonly min?: string; readonly max?: string } = {},
  ): Flag<number> => {
    const min = readDuration(range.min ?? "1s") ?? 0;
    const max = range.max === undefined ? Infinity : readDuration(range.max) ?? Infinity;
    const bounds = range.max ? ` from ${range.min ?? "1s"} to ${range.max}` : "";
    const expects = `a duration such as 90s, 15m or 1h${bounds}`;
    return value(
      text,
      { help, expects, value: "DURATION" },
      (given) => within(readDuration(given), min, max)!,
    );
  },
  number: (
    fallback: number,
    help: string,
    range: { readonly min?: number; readonly max?: number; readonly whole?: boolean } = {},
  ): Flag<number> => {
    const { min = 0, max = 1_000_000, whole = true } = range;
    const form = whole ? /^\d+$/ : /^\d+(?:\.\d+)?$/;
    const expects = `a ${whole ? "whole " : ""}number from ${min} to ${max}`;
    const read = (given: string) => within(form.test(given) ? Number(given) : undefined, min, max)!;
    return value(String(fallback), { help, expects, value: "N" }, read);
  },
  choice: <const Choice extends string>(
    choices: readonly Choice[],
    fallback: NoInfer<Choice>,
    help: string,
  ): Flag<Choice> => ({
    ...value(fallback, { help, expects: `one of ${choices.join(", ")}` }, (given): Choice => {
      return choices.find((choice) => choice === given)!;
    }),
    choices,
  }),
  listen: (text: string, help: string): Flag<HostPort> =>
    value(
      text,
      {
        help,
        value: "ADDRESS:PORT",
        expects: "ADDRESS:PORT such as 0.0.0.0:8181, [::]:8181 or :8181",
      },
      (given) => readHostPort(given)!,
    ),
  url: (text: string, help: string): Flag<string> =>
    value(
      text,
      { help, value: "URL", expects: "a URL beginning with http:// or https://" },
      (given) => given === "" ? "" : readUrl(given)!,
    ),
  /** Given once with commas, or repeatedly. */
  list: (help: string, expects = "values separated by commas"): Flag<readonly string[]> => ({
    kind: "list",
    default: "",
    fallback: [],
    read: (text) => text.split(",").map((item) => item.trim()).filter((item) => item !== ""),
    expects,
    help,
  }),
};

/** The log flags of every long-running command. */
export const logFlags = {
  "log-level": flag.choice(["debug", "info", "warn", "error"], "info", "least level logged"),
  "log-format": flag.choice(["json", "text"], "json", "json for machines, text for people"),
};

/** `ROLECALL_SOME_FLAG` for `some-flag`. */
export function variableOf(name: string): string {
  return "ROLECALL_" + name.toUpperCase().replaceAll("-", "_");
}
