/** Writes the references from what the program parses and registers: `deno task docs`. */
import { writeFile } from "node:fs/promises";
import { commands } from "../src/commands.ts";
import { configurationReference } from "../src/cli/reference.ts";
import { metricsReference } from "./metrics_reference.ts";

const write = (name: string, text: string) => writeFile(new URL(name, import.meta.url), text);
await write("configuration.md", configurationReference(commands));
await write("metrics.md", await metricsReference());
