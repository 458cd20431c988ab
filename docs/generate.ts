/**
 * Writes the references from what the program parses and registers, and the repository's address
 * where files have to name it: `deno task docs`.
 */
import { readFile, writeFile } from "node:fs/promises";
import { commands } from "../src/commands.ts";
import { configurationReference } from "./configuration_reference.ts";
import { readProject, withOwner, withRunbooks } from "../release/project.ts";
import { metricsReference } from "./metrics_reference.ts";

const write = (name: string, text: string) => writeFile(new URL(name, import.meta.url), text);
await write("configuration.md", configurationReference(commands));
await write("metrics.md", await metricsReference());

const project = await readProject();
for (const name of ["rules.yaml", "rules_test.yaml"]) {
  const path = new URL(`../deploy/monitoring/${name}`, import.meta.url);
  await writeFile(path, withRunbooks(await readFile(path, "utf8"), project));
}
const codeowners = new URL("../.github/CODEOWNERS", import.meta.url);
await writeFile(codeowners, withOwner(await readFile(codeowners, "utf8"), project));
