/** Writes `--help`: of the program, and of one command from its flag table. */
import type { Command, Commands } from "./command.ts";
import { type Flag, variableOf } from "./flags.ts";

/** The program's own page: its commands by group, a line each. */
export function programHelp(program: string, commands: Commands): string {
  const entries = Object.entries(commands);
  const width = Math.max(...entries.map(([name]) => name.length));
  const line = (name: string, summary: string) => {
    const head = `  ${name.padEnd(width)}  `;
    return wrapped(summary, columns - head.length)
      .map((part, at) => (at === 0 ? head : " ".repeat(head.length)) + part);
  };
  const groups = [...new Set(entries.map(([, { group }]) => group))].flatMap((group) => [
    "",
    `${group}:`,
    ...entries.filter(([, one]) => one.group === group)
      .flatMap(([name, { summary }]) => line(name, summary)),
  ]);
  return [
    "Rolecall: AWS IAM roles for Kubernetes pods, with no change to the pods.",
    "",
    `Usage: ${named(program, "COMMAND [flags]")}`,
    ...groups,
    ...line("help", "shows a command's flags, examples and exit codes: help COMMAND"),
    "",
  ].join("\n");
}

function named(program: string, rest: string): string {
  return `${program} ${rest}`.trim();
}

/** Wide enough for most terminals. */
const columns = 100;

/** A command's page: usage, flags with their defaults, examples. */
export function commandHelp(program: string, name: string, command: Command): string {
  const flags = Object.entries(command.flags);
  const heads = flags.map(([flagName, flag]) => headOf(flagName, flag));
  const width = Math.max(0, ...heads.map((head) => head.length));
  const summary = command.summary.charAt(0).toUpperCase() + command.summary.slice(1);
  return [
    `Usage: ${named(program, `${name} ${command.usage}`)}`,
    "",
    ...wrapped(`${summary}.`, columns),
    ...(flags.length === 0 ? [] : ["", "Flags:"]),
    ...flags.flatMap(([flagName, flag], index) =>
      wrapped(describe(flagName, flag), columns - width - 4).map((line, at) =>
        `  ${(at === 0 ? heads[index]! : "").padEnd(width)}  ${line}`
      )
    ),
    ...(command.examples.length === 0 ? [] : ["", "Examples:"]),
    ...command.examples.map((example) => `  ${named(program, example)}`),
    "",
    "Exit codes:",
    ...Object.entries({ ...command.exitCodes, 2: "wrong flags, variables or input" })
      .map(([code, meaning]) => `  ${code}  ${meaning}`),
    "",
    ...(flags.length === 0
      ? []
      : ["Every flag --some-flag can also be set as ROLECALL_SOME_FLAG.", ""]),
  ].join("\n");
}

/** Lines of at most `width`, unless a word is longer. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

/** `--pod-rate N`, `--imdsv2 optional|required`, `--token-file FILE`. */
function headOf(name: string, { kind, short, choices, value, expects }: Flag<unknown>): string {
  const long = short === undefined ? `--${name}` : `-${short}, --${name}`;
  if (kind === "switch") return long;
  const spelt = /^[A-Z:/]+$/.test(expects) ? expects : name.split("-").at(-1)!.toUpperCase();
  return `${long} ${choices?.join("|") ?? value ?? spelt}${kind === "list" ? ",…" : ""}`;
}

function describe(name: string, flag: Flag<unknown>): string {
  const variable = flag.env === undefined ? "" : `; env ${variableOf(name)} or ${flag.env}`;
  const fallback = flag.default === "" ? "" : ` (${flag.default})`;
  return `${flag.help}${variable}${fallback}`;
}
