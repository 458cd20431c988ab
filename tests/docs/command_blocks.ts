/** Blocks of commands in the documentation that are meant to be run, with the output they show. */

export interface DocumentedCommand {
  readonly line: number;
  readonly command: string;
  /** As written; empty where any output will do. */
  readonly output: readonly string[];
}

/** The commands of all ` ```console run ` blocks of a page. */
export function documentedCommands(markdown: string): DocumentedCommand[] {
  const commands: { line: number; command: string; output: string[] }[] = [];
  let inside = false;
  let continued = false;
  for (const [index, text] of markdown.split("\n").entries()) {
    if (text.startsWith("```")) {
      inside = text.trim() === "```console run";
      continue;
    }
    if (!inside) continue;
    const last = commands.at(-1);
    if (text.startsWith("$ ")) {
      commands.push({ line: index + 1, command: text.slice(2), output: [] });
    } else if (continued) last!.command += `\n${text}`;
    else last!.output.push(text);
    continued = (text.startsWith("$ ") || continued) && text.endsWith("\\");
  }
  return commands;
}

/**
 * A pattern for the output shown: `…` is any text, a line of it any lines; instants and access key
 * ids are any of their kind.
 */
export function outputPattern(output: readonly string[]): RegExp {
  const lines = output.map((line) =>
    line.trim() === "…" ? "(?:.*\\n)*?" : `${linePattern(line)}\\n`
  );
  return new RegExp(`^${lines.join("")}${lines.length === 0 ? "" : "$"}`);
}

function linePattern(line: string): string {
  return line.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replaceAll("…", ".*")
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, "[\\d:TZ-]+")
    .replaceAll(/ASIA[A-Z0-9]+/g, "ASIA[A-Z0-9]+");
}
