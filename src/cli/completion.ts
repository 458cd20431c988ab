/**
 * Shell completion in cobra's protocol, which kubectl speaks to its plugins too
 * (`kubectl_complete-rolecall`): the shell calls the program back with the words typed so far. The
 * answer is a line for each candidate, a tab and its help, and `:4` at the end if file names are
 * no candidates, else `:0`.
 */
import type { Runtime } from "../runtime/runtime.ts";
import { type Commands, refuse } from "./command.ts";
import type { Flag, FlagTable } from "./flags.ts";
import { parseFlags } from "./parse_flags.ts";

const scripts = { bash, zsh, fish } as const;
const shells = Object.keys(scripts) as readonly (keyof typeof scripts)[];

/** The `completion` command. */
export async function printCompletion(
  runtime: Runtime,
  args: readonly string[],
  flags: { readonly program: Flag<string> },
): Promise<number> {
  const parsed = parseFlags(flags, args, runtime.env);
  if (parsed.kind === "problems") return refuse(runtime, parsed.problems);
  const given = parsed.positionals.join(" ");
  const shell = shells.find((known) => known === given);
  const { program } = parsed.values;
  if (shell === undefined) {
    return refuse(runtime, [`completion: ${JSON.stringify(given)}; expected bash, zsh or fish`]);
  }
  if (!/^[\w.-]+$/.test(program)) {
    return refuse(runtime, [`--program: ${JSON.stringify(program)}; expected a program's name`]);
  }
  runtime.writeOut(scripts[shell](program, `_${program.replaceAll(/\W/g, "_")}`));
  return await Promise.resolve(0);
}

/** What the shell gets when it calls back; the last word is the one to complete, perhaps empty. */
export function completionAnswer(commands: Commands, words: readonly string[]): string {
  const candidates = candidatesFor(commands, words);
  const lines = candidates.map(([word, help]) => `${word}\t${help}\n`);
  return `${lines.join("")}:${candidates.length > 0 ? 4 : 0}\n`;
}

type Candidate = readonly [word: string, help: string];

function candidatesFor(commands: Commands, words: readonly string[]): readonly Candidate[] {
  const current = words.at(-1) ?? "";
  const beginning = (all: readonly Candidate[]) => all.filter(([word]) => word.startsWith(current));
  if (words.length < 2) {
    return beginning(Object.entries(commands).map(([name, { summary }]) => [name, summary]));
  }
  const [name = "", ...others] = words;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) return [];
  const { flags, words: known = [] } = command;
  const before = others.length < 2 ? undefined : flagOf(flags, others.at(-2)!);
  if (before !== undefined && before.kind !== "switch") return beginning(choicesOf(before));
  if (current.startsWith("-")) return beginning(flagCandidates(flags));
  return others.length === 1 ? beginning(known.map((word) => [word, ""])) : [];
}

function flagOf(flags: FlagTable, word: string): Flag<unknown> | undefined {
  const name = word.replace(/^--/, "");
  return word.startsWith("--") && Object.hasOwn(flags, name) ? flags[name] : undefined;
}

/** `--imdsv2=optional` too, since that is one word to most shells. */
function flagCandidates(flags: FlagTable): readonly Candidate[] {
  const all = Object.entries(flags).flatMap(([name, flag]): Candidate[] => [
    [`--${name}`, flag.help],
    ...(flag.choices ?? []).map((choice): Candidate => [`--${name}=${choice}`, flag.help]),
  ]);
  return [...all, ["--help", "what the command does, and its flags"]];
}

function choicesOf({ choices = [] }: Flag<unknown>): readonly Candidate[] {
  return choices.map((choice) => [choice, ""]);
}

function bash(program: string, name: string): string {
  return `${name}() {
  local word
  COMPREPLY=()
  while IFS=$'\\t' read -r word _; do
    [[ $word = :* ]] || COMPREPLY+=("$word")
  done < <(${program} __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F ${name} ${program}
`;
}

function zsh(program: string, name: string): string {
  return `#compdef ${program}
${name}() {
  local line
  local -a found
  for line in "\${(@f)$(${program} __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ $line = :* ]] || found+=("\${\${line//:/\\\\:}/$'\\t'/:}")
  done
  if (( $#found )); then _describe word found; else _files; fi
}
if [[ $funcstack[1] = ${name} ]]; then ${name} "$@"; else compdef ${name} ${program}; fi
`;
}

function fish(program: string, name: string): string {
  return `function ${name}
  ${program} __complete (commandline -opc)[2..] (commandline -ct) 2>/dev/null | string match -v ':*'
end
complete -c ${program} -a '(${name})'
`;
}
