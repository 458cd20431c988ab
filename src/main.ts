#!/usr/bin/env -S deno run -A
/** Picks the command and runs it; the only place that exits. */
import { commands } from "./commands.ts";
import { commandHelp, programHelp } from "./cli/help.ts";
import { nearest } from "./cli/nearest.ts";
import { keepCompiled } from "./runtime/compile_cache.ts";
import { createRuntime } from "./runtime/process.ts";
import { version } from "./version.ts";

keepCompiled();
const runtime = createRuntime();
const program = runtime.platform.name === "deno" ? "deno run -A src/main.ts" : "node src/main.ts";

async function main(args: readonly string[]): Promise<number> {
  const [name = "--help", ...rest] = args;
  if (name === "--help" || name === "-h" || name === "help") {
    const summaries = Object.entries(commands).map(([key, { summary }]) => [key, summary] as const);
    runtime.writeOut(programHelp(program, new Map([...summaries, ["version", "the version"]])));
    return 0;
  }
  if (name === "version" || name === "--version") {
    const stray = rest.find((word) => word !== "--help" && word !== "-h");
    if (stray !== undefined) {
      runtime.writeError(`${stray}: unexpected; ${name} takes nothing further\n`);
      return 2;
    }
    runtime.writeOut(
      `rolecall ${version} (${runtime.platform.name} ${runtime.platform.version})\n`,
    );
    return 0;
  }
  if (!Object.hasOwn(commands, name)) {
    const close = nearest(name, Object.keys(commands));
    const advice = close === undefined
      ? "see --help for those there are"
      : `did you mean ${close}?`;
    runtime.writeError(`${name}: unknown command; ${advice}\n`);
    return 2;
  }
  const command = await commands[name]!.load();
  if (rest.includes("--help") || rest.includes("-h")) {
    runtime.writeOut(commandHelp(program, name, command));
    return 0;
  }
  return await command.run(runtime, rest);
}

try {
  const code = await main(runtime.args);
  await runtime.logWritten();
  runtime.exit(code);
} catch (fault) {
  await runtime.logWritten();
  runtime.writeError(`rolecall: ${fault instanceof Error ? fault.message : String(fault)}\n`);
  runtime.exit(1);
}
