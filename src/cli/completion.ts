/** Writes shell completion from the commands' flag tables: words, choices, and help where it shows. */
import type { FlagTable } from "./flags.ts";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

export interface CompletedCommand {
  readonly summary: string;
  readonly flags: FlagTable;
  /** Words that can follow, such as the shells themselves. */
  readonly words?: readonly string[];
}

type Commands = ReadonlyMap<string, CompletedCommand>;

/** A script to be read by the shell, for a program called `program`. */
export function completionScript(shell: Shell, program: string, commands: Commands): string {
  const write = { bash, zsh, fish }[shell];
  return write(program, commands).join("\n") + "\n";
}

function bash(program: string, commands: Commands): string[] {
  const name = functionOf(program);
  const choices = [...commands].flatMap(([command, { flags }]) =>
    Object.entries(flags).flatMap(([flag, { choices }]) =>
      choices === undefined ? [] : [`    '${command} --${flag}') words='${choices.join(" ")}' ;;`]
    )
  );
  const flags = [...commands].map(([command, completed]) =>
    `    '${command} '*) words='${wordsOf(completed).join(" ")}' ;;`
  );
  return [
    `${name}() {`,
    "  local word=${COMP_WORDS[COMP_CWORD]} words=''",
    '  case "${COMP_WORDS[1]} ${COMP_WORDS[COMP_CWORD-1]}" in',
    ...choices,
    ...flags,
    "  esac",
    `  [ "$COMP_CWORD" -ne 1 ] || words='${[...commands.keys()].join(" ")}'`,
    '  COMPREPLY=($(compgen -W "$words" -- "$word"))',
    "}",
    `complete -o default -F ${name} ${program}`,
  ];
}

function zsh(program: string, commands: Commands): string[] {
  const name = functionOf(program);
  const summaries = [...commands].map(([command, { summary }]) => quoted(`${command}:${summary}`));
  return [
    `#compdef ${program}`,
    `${name}() {`,
    "  local -a commands",
    `  commands=(${summaries.join(" ")})`,
    "  if (( CURRENT == 2 )); then _describe command commands; return; fi",
    "  shift words; (( CURRENT-- ))",
    "  case $words[1] in",
    ...[...commands].map(([command, completed]) =>
      `    ${command}) _arguments ${zshArguments(completed).join(" ")} ;;`
    ),
    "  esac",
    "}",
    // As a file of fpath it is called for the first completion; otherwise it is sourced.
    `if [[ $funcstack[1] = ${name} ]]; then ${name} "$@"; else compdef ${name} ${program}; fi`,
  ];
}

function zshArguments({ flags, words = [] }: CompletedCommand): string[] {
  const entries = Object.entries(flags).map(([flag, { kind, help, choices }]) => {
    const value = kind === "switch"
      ? ""
      : `:value:${choices ? `(${choices.join(" ")})` : "_files"}`;
    return quoted(
      `${kind === "list" ? "*" : ""}--${flag}[${help.replaceAll(/[[\]]/g, "")}]${value}`,
    );
  });
  const first = words.length > 0 ? [quoted(`1:word:(${words.join(" ")})`)] : [];
  return [...entries, ...first, quoted("*:file:_files")];
}

function fish(program: string, commands: Commands): string[] {
  const line = (when: string, rest: string) => `complete -c ${program} -n ${quoted(when)} ${rest}`;
  return [...commands].flatMap(([command, { summary, flags, words = [] }]) => {
    const within = `__fish_seen_subcommand_from ${command}`;
    return [
      line("__fish_use_subcommand", `-f -a ${command} -d ${quoted(summary)}`),
      ...words.map((word) =>
        line(`${within}; and not __fish_seen_subcommand_from ${words.join(" ")}`, `-f -a ${word}`)
      ),
      ...Object.entries(flags).map(([flag, { kind, help, choices }]) => {
        const value = kind === "switch"
          ? ""
          : choices
          ? ` -xa ${quoted(choices.join(" "))}`
          : " -r";
        return line(within, `-l ${flag}${value} -d ${quoted(help)}`);
      }),
    ];
  });
}

function wordsOf({ flags, words = [] }: CompletedCommand): string[] {
  return [...words, ...Object.keys(flags).map((flag) => `--${flag}`), "--help"];
}

function functionOf(program: string): string {
  return `_${program.replaceAll(/\W/g, "_")}`;
}

/** For any of the three shells: within single quotes nothing means anything. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "’")}'`;
}
