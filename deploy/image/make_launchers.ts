/**
 * Writes a program file for each set of permissions.json: `agent` starts the agent's bundle with
 * the rights of the set `agent`, so a container is told `args: [agent]` on either
 * runtime and no shell has to be in the image. Called as `make_launchers.ts FOLDER SHEBANG`, where
 * `%` in the shebang stands for the name.
 */
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const [folder = "", shebang = ""] = process.argv.slice(2);
const { permissions } = JSON.parse(
  readFileSync(join(here, "permissions.json"), "utf8"),
);

/** Programs beside the bundle, small enough to start every few seconds. */
const scripts = ["hold", "ready"];

mkdirSync(join(folder, "bin"), { recursive: true });
for (const name of scripts) {
  copyFileSync(join(here, `${name}.js`), join(folder, `${name}.js`));
}
for (const name of Object.keys(permissions)) {
  const path = join(folder, "bin", name);
  writeFileSync(path, `#!${shebang.replaceAll("%", name)}\n${bodyOf(name)}`);
  chmodSync(path, 0o755);
}

function bodyOf(name: string): string {
  if (scripts.includes(name)) return `import "../${name}.js";\n`;
  return `import process from "node:process";
process.argv.splice(2, 0, ${JSON.stringify(name)});
await import("../${name}.js");
`;
}
