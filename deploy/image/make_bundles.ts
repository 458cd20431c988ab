/**
 * Bundles the program once for each command of the image, each without the others' modules: Deno
 * parses a whole bundle at each start and keeps the memory that took, some 30 MB a megabyte. Called
 * as `make_bundles.ts FOLDER`.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const program = join(here, "../../src/main.ts");
const commands = join(here, "../../src/commands.ts");
const [folder = ""] = process.argv.slice(2);
const { permissions } = JSON.parse(
  readFileSync(join(here, "permissions.json"), "utf8"),
);

/** A command's name and the module that is loaded for it. */
const loads = /^ {2}(\w+): \{.*?import\("([^"]+)"\)/gms;
const modules = [...readFileSync(commands, "utf8").matchAll(loads)].map(
  ([, name = "", module = ""]) => ({ name, module }),
);
const programs = ["version", ...modules.map(({ name }) => name)];
for (const name of programs) {
  if (!(name in permissions)) throw new Error(`permissions.json: ${name} is missing`);
  const words = ["bundle", "--quiet", "--platform=deno", "--minify"];
  // Completion asks every command for its flags.
  const others = modules.filter((one) => one.name !== name && name !== "completion");
  const external = others.map(({ module }) => `--external=${module}`);
  const output = ["-o", join(folder, `${name}.js`)];
  const bundled = spawnSync(process.execPath, [...words, ...external, ...output, program], {
    stdio: "inherit",
  });
  if (bundled.status !== 0) throw new Error(`${name} could not be bundled`);
  giveRequire(join(folder, `${name}.js`));
}

/**
 * CommonJS modules in a bundle call `require` for what the runtime has built in. Deno puts one there
 * only where the minifier's names let it find the place.
 */
function giveRequire(path: string): void {
  const made =
    'import{createRequire as makeRequire}from"node:module";var require=makeRequire(import.meta.url);';
  writeFileSync(path, `${made}\n${readFileSync(path, "utf8")}`);
}
