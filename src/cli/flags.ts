/**
 * Flag tables. One table feeds the parser (command line and `ROLECALL_…` variables), `--help`, shell
 * completion and the configuration reference.
 */
import * as v from "valibot";
import { type HostPort, readHostPort } from "../net/host_port.ts";

/** Parses a value's text. */
type Schema<T> = v.GenericSchema<string, T>;

export interface Flag<T> {
  readonly kind: "value" | "switch" | "list";
  /** The default's text, as the reference shows it; empty = none. */
  readonly default: string;
  readonly fallback: T;
  readonly schema: Schema<T>;
  /** Completes "expected …" in an error message. */
  readonly expects: string;
  readonly help: string;
  /** A plain variable that is read after the `ROLECALL_…` one, such as `HOST_IP`. */
  readonly env?: string;
  /** The possible values. */
  readonly choices?: readonly string[];
  /** One letter, as in `-n`. */
  readonly short?: string;
  /** Placeholder in `--help`; if absent, the last part of the flag's name. */
  readonly value?: string;
}

// deno-lint-ignore no-explicit-any -- a table mixes flags of every type; the parser keeps each one's
export type FlagTable = Readonly<Record<string, Flag<any>>>;
export type FlagValues<Table extends FlagTable> = {
  readonly [Name in keyof Table]: Table[Name] extends Flag<infer T> ? T : never;
};

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/** Seconds of `90s`, `15m`, `1h` or `1h30m`. */
const seconds = v.pipe(
  v.string(),
  v.regex(/^(?:\d{1,9}[smh])+$/),
  v.transform((text) =>
    [...text.matchAll(/(\d+)([smh])/g)]
      .reduce((sum, [, count, unit]) => sum + Number(count) * (unitSeconds[unit!] ?? 0), 0)
  ),
);

const url = v.pipe(
  v.string(),
  v.regex(/^https?:\/\//),
  v.url(),
  v.transform((text) => text.replace(/\/+$/, "")),
);

const hostPort = v.pipe(
  v.string(),
  v.transform(readHostPort),
  v.custom<HostPort>((read) => read !== undefined),
);

type Described<T> = Pick<Flag<T>, "help" | "expects" | "env" | "value">;

/** @throws {v.ValiError} the default isn't a value */
function value<T>(text: string, schema: Schema<T>, described: Described<T>): Flag<T> {
  return { kind: "value", default: text, fallback: v.parse(schema, text), schema, ...described };
}

/** One builder per kind of value. `help` is shown by `--help` and the configuration reference. */
export const flag = {
  text: (text: string, help: string, extras?: Pick<Flag<string>, "env">): Flag<string> =>
    value(text, v.string(), { help, expects: "a text", ...extras }),
  /** A text that matches `form`; `expects` says which. */
  form: (text: string, help: string, form: RegExp, expects: string): Flag<string> =>
    value(text, v.pipe(v.string(), v.regex(form)), { help, expects }),
  boolean: (help: string): Flag<boolean> => ({
    kind: "switch",
    default: "off",
    fallback: false,
    schema: v.pipe(
      v.picklist(["true", "1", "false", "0"]),
      v.transform((text) => text === "true" || text === "1"),
    ),
    expects: "true or false",
    help,
  }),
  /** Seconds. */
  duration: (
    text: string,
    help: string,
    { min = "1s", max }: { readonly min?: string; readonly max?: string } = {},
  ): Flag<number> => {
    const most = max === undefined ? Infinity : v.parse(seconds, max);
    const schema = v.pipe(seconds, v.minValue(v.parse(seconds, min)), v.maxValue(most));
    const bounds = max === undefined ? "" : ` from ${min} to ${max}`;
    const expects = `a duration such as 90s, 15m or 1h${bounds}`;
    return value(text, schema, { help, expects, value: "DURATION" });
  },
  number: (
    fallback: number,
    help: string,
    range: { readonly min?: number; readonly max?: number; readonly whole?: boolean } = {},
  ): Flag<number> => {
    const { min = 0, max = 1_000_000, whole = true } = range;
    const form = v.pipe(v.string(), v.regex(whole ? /^\d+$/ : /^\d+(?:\.\d+)?$/));
    const schema = v.pipe(form, v.transform(Number), v.minValue(min), v.maxValue(max));
    const expects = `a ${whole ? "whole " : ""}number from ${min} to ${max}`;
    return value(String(fallback), schema, { help, expects, value: "N" });
  },
  choice: <const Choice extends string>(
    choices: readonly Choice[],
    fallback: NoInfer<Choice>,
    help: string,
  ): Flag<Choice> => {
    const schema = v.pipe(v.string(), v.picklist(choices));
    return {
      ...value(fallback, schema, { help, expects: `one of ${choices.join(", ")}` }),
      choices,
    };
  },
  listen: (text: string, help: string): Flag<HostPort> => {
    const expects = "ADDRESS:PORT such as 0.0.0.0:8181, [::]:8181 or :8181";
    return value(text, hostPort, { help, expects, value: "ADDRESS:PORT" });
  },
  /** Empty if there is none. */
  url: (text: string, help: string): Flag<string> => {
    const expects = "a URL beginning with http:// or https://";
    return value(text, v.union([v.literal(""), url]), { help, expects, value: "URL" });
  },
  /** Given once with commas, or repeatedly. */
  list: (help: string, expects = "values separated by commas"): Flag<readonly string[]> => ({
    kind: "list",
    default: "",
    fallback: [],
    schema: v.pipe(
      v.string(),
      v.transform((text) => text.split(",").map((item) => item.trim())),
      v.filterItems((item) => item !== ""),
    ),
    expects,
    help,
  }),
};

/** The flag with a letter, as in `-n`. */
export function short<T>(letter: string, flag: Flag<T>): Flag<T> {
  return { ...flag, short: letter };
}

/** The log flags of every long-running command. */
export const logFlags = {
  "log-level": flag.choice(["debug", "info", "warn", "error"], "info", "lowest level logged"),
  "log-format": flag.choice(["json", "text"], "json", "json for machines, text for people"),
};

/** The agent's. The server reads it to know whether host-network pods can get credentials. */
export const containerCredentialsFlag = flag.list(
  "addresses that serve container credentials, such as 169.254.170.23:80,[fd00:ec2::23]:80",
  "ADDRESS:PORT separated by commas, with an address that SDKs accept without TLS: " +
    "169.254.170.23, 169.254.170.2, [fd00:ec2::23] or loopback",
);

/** `ROLECALL_SOME_FLAG` for `some-flag`. */
export function variableOf(name: string): string {
  return "ROLECALL_" + name.toUpperCase().replaceAll("-", "_");
}
