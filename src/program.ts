/** Picks the command and runs it; the only place that exits. */
import { commands } from "./commands.ts";
import { commandHelp, programHelp } from "./settings/help.ts";
import { nearest } from "./settings/nearest.ts";
import { createHost } from "./runtime/process.ts";
import { version } from "./version.ts";

const host = createHost();
const program = host.runtime.name === "deno" ? "deno run -A src/main.ts" : "node src/main.ts";

async function main(args: readonly string[]): Promise<number> {
  const [name = "--help", ...rest] = args;
  if (name === "--help" || name === "-h" || name === "help") {
    const summaries = Object.entries(commands).map(([key, { summary }]) => [key, summary] as const);
    host.writeOut(programHelp(program, new Map([...summaries, ["version", "the version"]])));
    return 0;
  }
  if (name === "version" || name === "--version") {
    const stray = rest.find((word) => word !== "--help" && word !== "-h");
    if (stray !== undefined) {
      host.writeError(`${stray}: unexpected; ${name} takes nothing further\n`);
      return 2;
    }
    host.writeOut(`rolecall ${version} (${host.runtime.name} ${host.runtime.version})\n`);
    return 0;
  }
  if (!Object.hasOwn(commands, name)) {
    const close = nearest(name, Object.keys(commands));
    const advice = close === undefined
      ? "see --help for those there are"
      : `did you mean ${close}?`;
    host.writeError(`${name}: unknown command; ${advice}\n`);
    return 2;
  }
  const command = await commands[name]!.load();
  if (rest.includes("--help") || rest.includes("-h")) {
    host.writeOut(commandHelp(program, name, command));
    return 0;
  }
  return await command.run(host, rest);
}

try {
  const code = await main(host.args);
  await host.logWritten();
  host.exit(code);
} catch (fault) {
  await host.logWritten();
  host.writeError(`rolecall: ${fault instanceof Error ? fault.message : String(fault)}\n`);
  host.exit(1);
}
