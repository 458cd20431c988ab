/** Writes `--help`: of the program, and of one command from its flag table. */
import type { Command } from "./command.ts";
import { type Flag, variableOf } from "./flags.ts";

/** The program's own page: its commands, a line each. */
export function programHelp(program: string, commands: ReadonlyMap<string, string>): string {
  const width = Math.max(...[...commands.keys()].map((name) => name.length));
  const lines = [...commands].map(([name, summary]) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    "Rolecall: AWS IAM roles for Kubernetes pods, with no change to the pods.",
    "",
    `Usage: ${program} COMMAND [flags]`,
    "",
    ...lines,
    "",
    `"${program} COMMAND --help" shows a command's flags.`,
    "",
  ].join("\n");
}

/** Terminals are at least this wide, more often than not. */
const columns = 100;

/** A command's page: usage, flags with their defaults, examples. */
export function commandHelp(program: string, name: string, command: Command): string {
  const flags = Object.entries(command.flags);
  const heads = flags.map(([flagName, flag]) => headOf(flagName, flag));
  const width = Math.max(0, ...heads.map((head) => head.length));
  const summary = command.summary.charAt(0).toUpperCase() + command.summary.slice(1);
  return [
    `Usage: ${program} ${name} ${command.usage}`.trimEnd(),
    "",
    ...wrapped(`${summary}.`, columns),
    ...(flags.length === 0 ? [] : ["", "Flags:"]),
    ...flags.flatMap(([flagName, flag], index) =>
      wrapped(describe(flagName, flag), columns - width - 4).map((line, at) =>
        `  ${(at === 0 ? heads[index]! : "").padEnd(width)}  ${line}`
      )
    ),
    ...(command.examples.length === 0 ? [] : ["", "Examples:"]),
    ...command.examples.map((example) => `  ${program} ${example}`),
    "",
    ...(flags.length === 0
      ? []
      : ["Every flag --some-flag can be given as ROLECALL_SOME_FLAG.", ""]),
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

function headOf(name: string, flag: Flag<unknown>): string {
  return flag.kind === "switch" ? `--${name}` : `--${name} VALUE`;
}

function describe(name: string, flag: Flag<unknown>): string {
  const choices = flag.choices === undefined ? "" : `; ${flag.choices.join(" | ")}`;
  const variable = flag.env === undefined ? "" : `; env ${variableOf(name)} or ${flag.env}`;
  const fallback = flag.default === "" ? "" : ` (${flag.default})`;
  return `${flag.help}${choices}${variable}${fallback}`;
}
