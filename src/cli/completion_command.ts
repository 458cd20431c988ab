/** The `completion` command: prints a script that completes commands, flags and their choices. */
import type { Runtime } from "../runtime/runtime.ts";
import { type Command, refuse } from "./command.ts";
import { completionScript, type Shell, shells } from "./completion.ts";
import { flag } from "./flags.ts";
import { parseFlags } from "./parse_flags.ts";

const completionFlags = {
  "program": flag.text("rolecall", "the name that the program is called by"),
};

export function completionCommand(
  loadCommands: () => Promise<ReadonlyMap<string, Command>>,
): Command {
  return {
    usage: "bash|zsh|fish [flags]",
    summary: "prints completion for a shell, to be read by it",
    flags: completionFlags,
    words: shells,
    examples: [
      "completion bash > /etc/bash_completion.d/rolecall",
      "completion zsh > ~/.zfunc/_rolecall",
      "completion fish > ~/.config/fish/completions/rolecall.fish",
    ],
    run: (runtime, args) => complete(runtime, args, loadCommands),
  };
}

async function complete(
  runtime: Runtime,
  args: readonly string[],
  loadCommands: () => Promise<ReadonlyMap<string, Command>>,
): Promise<number> {
  const parsed = parseFlags(completionFlags, args, runtime.env);
  if (parsed.kind === "problems") return refuse(runtime, parsed.problems);
  const [named, ...more] = parsed.positionals;
  const shell = shells.find((known): known is Shell => known === named);
  const { program } = parsed.values;
  if (shell === undefined || more.length > 0) {
    const given = parsed.positionals.join(" ");
    return refuse(runtime, [`completion: ${JSON.stringify(given)}; expected bash, zsh or fish`]);
  }
  if (!/^[\w.-]+$/.test(program)) {
    return refuse(runtime, [`--program: ${JSON.stringify(program)}; expected a program's name`]);
  }
  runtime.writeOut(completionScript(shell, program, await loadCommands()));
  return 0;
}
