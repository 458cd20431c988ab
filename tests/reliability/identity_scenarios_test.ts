/**
 * Runs the identity scenarios in `identity/*.txt`: which pod is calling, when, and according to which
 * source. Add a case by adding text; `ROLECALL_REWRITE=1` updates what the commands print.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { Scenario } from "./identity/scenario.ts";

const folder = new URL("identity/", import.meta.url);

for (const file of readdirSync(folder).filter((name) => name.endsWith(".txt")).sort()) {
  const text = readFileSync(new URL(file, folder), "utf8");
  const sections = text.split(/^(?=== )/m);
  const rewritten: string[] = [];
  for (const section of sections) {
    const title = /^== (.*)/.exec(section)?.[1];
    if (title === undefined) {
      rewritten.push(section);
      continue;
    }
    test(`${file}: ${title}`, async () => {
      const printed = await run(section);
      rewritten.push(printed);
      if (process.env["ROLECALL_REWRITE"] === undefined) assert.equal(printed, section);
      else if (rewritten.length === sections.length) {
        writeFileSync(new URL(file, folder), rewritten.join(""));
      }
    });
  }
}

/** Returns the section with what its commands print now; a blank line ends each output. */
async function run(section: string): Promise<string> {
  const scenario = new Scenario();
  const lines: string[] = [];
  const script = section.replace(/^----\n(?:.+\n)*\n?/gm, "").trimEnd();
  for (const line of script.split("\n")) {
    lines.push(line);
    if (line === "" || line.startsWith("#") || line.startsWith("== ")) continue;
    const printed = await scenario.run(line);
    if (printed !== "") lines.push("----", printed, "");
  }
  return `${lines.join("\n").trimEnd()}\n${section.endsWith("\n\n") ? "\n" : ""}`;
}
