#!/usr/bin/env -S deno run -A
/** Picks the command and runs it; the only place that exits. */
import { messageOf } from "./telemetry/fault.ts";
import { type Command, refuse } from "./cli/command.ts";
import { commands } from "./commands.ts";
import { commandHelp, programHelp } from "./cli/help.ts";
import { nearest } from "./cli/nearest.ts";
import { parseFlags } from "./cli/parse_flags.ts";
import { strayVariables } from "./cli/stray_variables.ts";
import { createRuntime } from "./runtime/process.ts";
import { versionLine } from "./version.ts";

const runtime = createRuntime();

async function main(args: readonly string[]): Promise<number> {
  const [name = "help", ...rest] = args;
  if (name === "--version") return printVersion(rest);
  if (name === "__complete") {
    const { completionAnswer } = await import("./cli/completion.ts");
    runtime.writeOut(completionAnswer(commands, rest));
    return 0;
  }
  const wantsHelp = [name, ...rest].some((word) => word === "--help" || word === "-h");
  const isHelp = name === "help" || name === "--help" || name === "-h";
  const subject = isHelp ? rest.find((word) => !word.startsWith("-")) : name;
  if (subject === undefined) {
    runtime.writeOut(programHelp(programName(), commands));
    return 0;
  }
  if (!Object.hasOwn(commands, subject)) return refuse(runtime, [unknownCommand(subject)]);
  const command = commands[subject]!;
  if (isHelp || wantsHelp) {
    runtime.writeOut(commandHelp(programName(), subject, command));
    return 0;
  }
  const problems = variableProblems(command, rest);
  if (problems.length > 0) return refuse(runtime, problems);
  return await (await command.load())(runtime, rest);
}

function printVersion(rest: readonly string[]): number {
  const stray = rest.find((word) => word !== "--help" && word !== "-h");
  if (stray !== undefined) {
    return refuse(runtime, [`${stray}: unexpected; --version takes nothing further`]);
  }
  runtime.writeOut(versionLine(runtime.platform));
  return 0;
}

function unknownCommand(name: string): string {
  const close = nearest(name, Object.keys(commands));
  const advice = close === undefined ? "see --help for the list" : `did you mean ${close}?`;
  return `${name}: unknown command; ${advice}`;
}

/** Unknown variables, together with what else is wrong with flags, so that nothing is found only later. */
function variableProblems({ flags }: Command, args: readonly string[]): readonly string[] {
  const strays = strayVariables(runtime.env, Object.values(commands).map((one) => one.flags));
  if (strays.length === 0) return [];
  const parsed = parseFlags(flags, args, runtime.env);
  return [...strays, ...(parsed.kind === "problems" ? parsed.problems : [])];
}

/** As the user calls it: `kubectl rolecall`, or from a clone. In the image, commands are programs. */
function programName(): string {
  const called = runtime.program.split("/").at(-1) ?? "";
  if (called.startsWith("kubectl-")) return "kubectl rolecall";
  if (called !== "main.ts") return "";
  return runtime.platform.name === "deno" ? "deno run -A src/main.ts" : "node src/main.ts";
}

try {
  const code = await main(runtime.args);
  await runtime.logWritten();
  runtime.exit(code);
} catch (fault) {
  await runtime.logWritten();
  runtime.writeError(`rolecall: ${messageOf(fault)}\n`);
  runtime.exit(1);
}
