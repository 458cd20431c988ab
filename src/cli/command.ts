/** A command of the program: what it is called with, what it prints as help, how it runs. */
import type { Runtime } from "../runtime/runtime.ts";
import type { FlagTable } from "./flags.ts";

export interface Command {
  /** What follows the command's name, such as `NAMESPACE/POD [flags]`. */
  readonly usage: string;
  /** One sentence without a full stop. */
  readonly summary: string;
  readonly flags: FlagTable;
  /** Words that it takes, for completion. */
  readonly words?: readonly string[];
  /** Lines to paste, without the program's name. */
  readonly examples: readonly string[];
  /** Runs to its end; gives the exit code. Wrong settings are printed by the command and give 2. */
  readonly run: (runtime: Runtime, args: readonly string[]) => Promise<number>;
}

/** Prints what is wrong with the settings, one a line, and gives the exit code for it. */
export function refuse(runtime: Runtime, problems: readonly string[]): number {
  for (const problem of problems) runtime.writeError(problem + "\n");
  return 2;
}
