/**
 * Writes the references from what the program parses and registers, and what package.json says, the
 * repository's address and the version, where other files have to name it: `deno task docs`.
 */
import { glob, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { commands } from "../src/commands.ts";
import { configurationReference } from "./configuration_reference.ts";
import { readProject, withOwner, withRunbooks, withVersion } from "../release/project.ts";
import { metricsReference } from "./metrics_reference.ts";

const write = (name: string, text: string) => writeFile(new URL(name, import.meta.url), text);
await write("configuration.md", configurationReference(commands));
await write("metrics.md", await metricsReference());

const project = await readProject();
const root = fileURLToPath(new URL("..", import.meta.url));
for (
  const [pattern, change] of [
    ["deploy/monitoring/rules*.yaml", withRunbooks],
    ["deploy/kustomize/**/kustomization.yaml", withVersion],
    [".github/CODEOWNERS", withOwner],
  ] as const
) {
  for await (const path of glob(pattern, { cwd: root })) {
    const file = join(root, path);
    await writeFile(file, change(await readFile(file, "utf8"), project));
  }
}
