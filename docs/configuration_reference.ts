/** Writes the configuration reference (docs/configuration.md) from the commands' flag tables. */
import type { Command, Commands } from "../src/cli/command.ts";
import { type Flag, variableOf } from "../src/cli/flags.ts";

const opening = `# Configuration

Generated from the tables that the program parses (\`deno task docs\`); don't edit it by hand.

Every flag \`--some-flag\` can also be set as the variable \`ROLECALL_SOME_FLAG\`; the command line
wins. Any other \`ROLECALL_…\` variable is an error, like an unknown flag, except those that Kubernetes
sets for Services. Durations are written \`90s\`, \`15m\`, \`1h\`. If a setting is wrong, the program exits
with code 2 and lists all problems, one per line.
`;

/** The whole page, a section a command. */
export function configurationReference(commands: Commands): string {
  const sections = Object.entries(commands).map(([name, command]) =>
    section(name, command, commands)
  );
  return [opening, ...sections].join("\n");
}

function section(name: string, command: Command, all: Commands): string {
  const others = Object.entries(all).filter(([, other]) =>
    other !== command && holds(command, other)
  );
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
    `Exit codes: ${exitCodes(command)}.`,
    "",
  ].join("\n");
}

function exitCodes({ exitCodes }: Command): string {
  return Object.entries(exitCodes).map(([code, meaning]) => `${code} ${meaning}`).join("; ");
}

/** Whether it takes every flag of another command, which then aren't listed twice. */
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
  const short = flag.short === undefined ? "" : `${code("-" + flag.short)}, `;
  return `| ${short}${code("--" + name)} | ${fallback} | ${
    cell(flag.help)
  }${expects}.${variable} |`;
}

/** Not repeated, since it is obvious or in the flag's own text. */
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
