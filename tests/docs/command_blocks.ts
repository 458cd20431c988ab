/**
 * Blocks of commands in the documentation, with the output they show, and the files it has them
 * read. The word after `console` says how a block is run: see {@link marks}.
 */
import { readdirSync, readFileSync } from "node:fs";

/** Which test runs a block; without a mark none does, and `not_run.ts` says why. */
export const marks = {
  run: "against `dev`, by commands_test.ts",
  aws: "against moto's IAM, by iam_test.ts",
  cluster: "on whole nodes, by tests/cluster/scenarios/documentation.ts",
} as const;

type Mark = keyof typeof marks;

export interface DocumentedCommand {
  readonly line: number;
  readonly command: string;
  /** As written; empty where any output will do. */
  readonly output: readonly string[];
}

interface Fence {
  /** Line of its first line within the page, from 1. */
  readonly line: number;
  /** The words after the backquotes, such as `json` and `server.json`. */
  readonly words: readonly string[];
  readonly lines: readonly string[];
}

const root = new URL("../../", import.meta.url);

/** Path and text of each page. */
export function pages(): readonly (readonly [string, string])[] {
  const names = readdirSync(new URL("docs/", root)).filter((name) => name.endsWith(".md")).sort();
  const paths = ["README.md", "CONTRIBUTING.md", ...names.map((name) => `docs/${name}`)];
  return paths.map((path) => [path, readFileSync(new URL(path, root), "utf8")]);
}

/** All blocks between backquotes, without the indentation that a list gives them. */
export function fences(markdown: string): Fence[] {
  const found: { line: number; words: string[]; lines: string[] }[] = [];
  let indent: number | null = null;
  for (const [index, text] of markdown.split("\n").entries()) {
    const [, before, words] = /^( *(?:\d+\. +)?)```(.*)$/.exec(text) ?? [];
    if (before === undefined) {
      if (indent !== null) found.at(-1)!.lines.push(text.slice(indent));
    } else if (indent === null) {
      indent = before.length;
      found.push({ line: index + 2, words: words!.trim().split(/ +/), lines: [] });
    } else indent = null;
  }
  return found;
}

/** The commands of all `console` blocks with this mark; of those without one for an empty text. */
export function documentedCommands(markdown: string, mark: Mark | ""): DocumentedCommand[] {
  return fences(markdown)
    .filter(({ words: [language, own = ""] }) => language === "console" && own === mark)
    .flatMap(commandsOf);
}

/** Files that blocks show whole: their names stand behind the language. */
export function documentedFiles(markdown: string): ReadonlyMap<string, string> {
  const named = fences(markdown).filter(({ words }) => words[1]?.includes("."));
  return new Map(named.map(({ words, lines }) => [words[1]!, lines.join("\n") + "\n"]));
}

function commandsOf({ line, lines }: Fence): DocumentedCommand[] {
  const commands: { line: number; command: string; output: string[] }[] = [];
  let continued = false;
  for (const [index, text] of lines.entries()) {
    const last = commands.at(-1);
    if (text.startsWith("$ ")) {
      commands.push({ line: line + index, command: text.slice(2), output: [] });
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
