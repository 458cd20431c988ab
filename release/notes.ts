/**
 * Writes a release's notes.md from its section of CHANGELOG.md: `deno run -A release/notes.ts TAG`.
 * Refuses a tag that isn't the version in package.json, and a section without a date.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { readProject } from "./project.ts";
import { result, root } from "./run.ts";

/** The section's text, without its heading. */
export function sectionOf(changelog: string, version: string): string {
  const [, ...sections] = changelog.split(/^## /m);
  const section = sections.find((one) => one.split(/[,\s]/, 1)[0] === version);
  if (section === undefined) throw new Error(`CHANGELOG.md: no section ${version}`);
  const [heading = "", ...lines] = section.split("\n");
  if (!/^\S+, \d{4}-\d\d-\d\d$/.test(heading)) {
    throw new Error(`CHANGELOG.md: "## ${heading}" must be "## ${version}, YYYY-MM-DD"`);
  }
  return lines.join("\n").trim() + "\n";
}

if (import.meta.main) {
  const { version } = await readProject();
  const [tag] = process.argv.slice(2);
  if (tag !== `v${version}`) {
    throw new Error(`the tag ${tag} must be v${version}, as in package.json`);
  }
  const changelog = readFileSync(join(root, "CHANGELOG.md"), "utf8");
  writeFileSync(result("notes.md"), sectionOf(changelog, version));
}
