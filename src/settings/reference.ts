/** Writes the configuration reference (docs/configuration.md) from the commands' flag tables. */
import type { Command } from "./command.ts";
import { type Flag, variableOf } from "./flags.ts";

const opening = `# Configuration

Made from the tables that the program parses (\`deno task docs\`); don't edit it by hand.

Every flag \`--some-flag\` can be given as the variable \`ROLECALL_SOME_FLAG\`; the command line wins.
Durations are \`90s\`, \`15m\`, \`1h\`. A wrong setting ends the start with exit code 2 and the list of
all problems, one a line.
`;

/** The whole page, a section a command. */
export function configurationReference(commands: ReadonlyMap<string, Command>): string {
  const sections = [...commands].map(([name, command]) => section(name, command));
  return [opening, ...sections].join("\n");
}

function section(name: string, command: Command): string {
  const rows = Object.entries(command.flags).map(([flagName, flag]) => row(flagName, flag));
  return [
    `## ${name}`,
    "",
    `\`${name} ${command.usage}\`: ${command.summary}.`,
    "",
    ...(rows.length === 0
      ? ["It has no flags."]
      : ["| flag | default | what it sets |", "| --- | --- | --- |", ...rows]),
    "",
  ].join("\n");
}

function row(name: string, flag: Flag<unknown>): string {
  const fallback = flag.default === "" ? "" : code(flag.default);
  const variable = flag.env === undefined
    ? ""
    : ` Read from ${code(variableOf(name))}, then ${code(flag.env)}.`;
  return `| ${code("--" + name)} | ${fallback} | ${cell(flag.help)}; ${
    cell(flag.expects)
  }.${variable} |`;
}

function code(text: string): string {
  return "`" + text.replaceAll("|", "\\|") + "`";
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
