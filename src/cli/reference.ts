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
  const sections = [...commands].map(([name, command]) => section(name, command, commands));
  return [opening, ...sections].join("\n");
}

function section(name: string, command: Command, all: ReadonlyMap<string, Command>): string {
  const others = [...all].filter(([, other]) => other !== command && holds(command, other));
  const own = Object.entries(command.flags).filter(([flagName, flag]) =>
    others.every(([, other]) => other.flags[flagName] !== flag)
  );
  return [
    `## ${name}`,
    "",
    `\`${name} ${command.usage}\`: ${command.summary}.`.replace(" \`:", "\`:"),
    ...(others.length === 0 ? [] : ["", `Every flag of ${others.map(linkTo).join(" and ")}, and:`]),
    "",
    ...(own.length === 0
      ? ["It has no flags."]
      : ["| flag | default | what it sets |", "| --- | --- | --- |", ...own.map(row)]),
    "",
  ].join("\n");
}

/** Whether it takes every flag of another command, which then aren't told twice. */
function holds({ flags }: Command, other: Command): boolean {
  const names = Object.keys(other.flags);
  return names.length > 0 && names.every((name) => Object.hasOwn(flags, name));
}

function linkTo([name]: readonly [string, Command]): string {
  return `[${name}](#${name})`;
}

function row([name, flag]: readonly [string, Flag<unknown>]): string {
  const fallback = flag.default === "" ? "" : code(flag.default);
  const expects = plain.has(flag.expects) ? "" : `; ${cell(flag.expects)}`;
  const variable = flag.env === undefined
    ? ""
    : ` Read from ${code(variableOf(name))}, then ${code(flag.env)}.`;
  return `| ${code("--" + name)} | ${fallback} | ${cell(flag.help)}${expects}.${variable} |`;
}

/** What goes without saying, or what the flag's own text says. */
const plain: ReadonlySet<string> = new Set([
  "a text",
  "true or false",
  "a path",
  "an audience",
  "an object's name",
  "NAMESPACE:NAME",
]);

function code(text: string): string {
  return "`" + text.replaceAll("|", "\\|") + "`";
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
