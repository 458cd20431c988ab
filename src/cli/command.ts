/** A command of the program: what its help, completion and reference say, and where it is loaded from. */
import type { Runtime } from "../runtime/runtime.ts";
import type { FlagTable } from "./flags.ts";

/** Returns the exit code. The command itself prints problems with its settings, with exit code 2. */
type RunCommand = (runtime: Runtime, args: readonly string[]) => Promise<number>;

export interface Command {
  /** Heading in the program's own help. */
  readonly group: string;
  /** What follows the command's name, such as `NAMESPACE/POD [flags]`. */
  readonly usage: string;
  /** One sentence without a full stop. */
  readonly summary: string;
  readonly flags: FlagTable;
  /** First arguments that it takes, for completion. */
  readonly words?: readonly string[];
  /** Lines to paste, without the program's name. */
  readonly examples: readonly string[];
  /** In addition to 2, which means wrong settings everywhere. */
  readonly exitCodes: Readonly<Record<number, string>>;
  /** Loads it when it is called, so that a command costs only its own imports. */
  readonly load: () => Promise<RunCommand>;
}

export type Commands = Readonly<Record<string, Command>>;

/** Prints the problems with the settings, one per line, and returns the exit code for it. */
export function refuse(runtime: Runtime, problems: readonly string[]): number {
  for (const problem of problems) runtime.writeError(problem + "\n");
  return 2;
}
