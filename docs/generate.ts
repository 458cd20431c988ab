/** Writes docs/configuration.md from the tables that the program parses: `deno task docs`. */
import { writeFile } from "node:fs/promises";
import { loadCommands } from "../src/commands.ts";
import { configurationReference } from "../src/settings/reference.ts";

const page = new URL("configuration.md", import.meta.url);
await writeFile(page, configurationReference(await loadCommands()));
