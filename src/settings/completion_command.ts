/** The `completion` command: prints a script that completes commands, flags and their choices. */
import type { Host } from "../runtime/contract.ts";
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
    run: (host, args) => complete(host, args, loadCommands),
  };
}

async function complete(
  host: Host,
  args: readonly string[],
  loadCommands: () => Promise<ReadonlyMap<string, Command>>,
): Promise<number> {
  const parsed = parseFlags(completionFlags, args, host.env);
  if (parsed.kind === "problems") return refuse(host, parsed.problems);
  const [named, ...more] = parsed.positionals;
  const shell = shells.find((known): known is Shell => known === named);
  const { program } = parsed.values;
  if (shell === undefined || more.length > 0) {
    const given = parsed.positionals.join(" ");
    return refuse(host, [`completion: ${JSON.stringify(given)}; expected bash, zsh or fish`]);
  }
  if (!/^[\w.-]+$/.test(program)) {
    return refuse(host, [`--program: ${JSON.stringify(program)}; expected a program's name`]);
  }
  host.writeOut(completionScript(shell, program, await loadCommands()));
  return 0;
}
