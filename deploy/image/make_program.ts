/**
 * Builds the image's program in a folder: a bundle and a launcher for each command, with only the
 * permissions it needs. Usage: `make_program.ts FOLDER RUNTIME [COMMAND…]`, where RUNTIME is the
 * path of the `deno` or `node` that runs it; without commands it builds all of them.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const [folder = "", runtime = "", ...wanted] = process.argv.slice(2);
const onDeno = basename(runtime) === "deno";
const permissionsFile = join(here, "permissions.json");
const permissions: Readonly<Record<string, unknown>> =
  JSON.parse(readFileSync(permissionsFile, "utf8")).permissions;

/** Further programs, small enough to start every few seconds. */
const scripts = ["hold", "ready"];
const modules = commandModules();
const commands = ["version", ...modules.keys()].filter((name) =>
  wanted.length === 0 || wanted.includes(name)
);

mkdirSync(join(folder, "bin"), { recursive: true });
if (onDeno) copyFileSync(permissionsFile, join(folder, "deno.json"));
else writeFileSync(join(folder, "package.json"), '{"type":"module"}\n');
for (const name of commands) {
  bundle(name);
  launcher(name, launchBody(name));
}
for (const name of scripts) {
  copyFileSync(join(here, `${name}.js`), join(folder, `${name}.js`));
  launcher(name, `import "../${name}.js";\n`);
}
if (onDeno) commands.forEach(start);

/** Each command's name and the module that `src/commands.ts` loads for it. */
function commandModules(): Map<string, string> {
  const table = readFileSync(join(here, "../../src/commands.ts"), "utf8");
  const loads = /^ {2}"?([\w-]+)"?: \{.*?import\("([^"]+)"\)/gms;
  return new Map([...table.matchAll(loads)].map(([, name = "", module = ""]) => [name, module]));
}

/** Without the modules of other commands: Deno parses a whole bundle at each start. */
function bundle(name: string): void {
  const others = [...modules].filter(([other]) => other !== name);
  const external = others.map(([, module]) => `--external=${module}`);
  const file = join(folder, `${name}.js`);
  const main = join(here, "../../src/main.ts");
  const output = ["--platform=deno", "--minify", ...external, "-o", file, main];
  run(process.execPath, ["bundle", "--quiet", ...output]);
  giveRequire(file);
}

/**
 * CommonJS modules in a bundle call `require` for the runtime's built-in modules. Deno adds a
 * `require` only if the minifier's names let it find the place.
 */
function giveRequire(file: string): void {
  const bundled = readFileSync(file, "utf8").replace(/^#!.*\n/, "");
  const made = 'import{createRequire as makeRequire}from"node:module";' +
    "var require=makeRequire(import.meta.url);";
  writeFileSync(file, `${made}\n${bundled}`);
}

/** So that a container needs no shell, and takes the same arguments on either runtime. */
function launcher(name: string, body: string): void {
  if (!(name in permissions)) throw new Error(`permissions.json: ${name} is missing`);
  const file = join(folder, "bin", name);
  const line = onDeno ? `${runtime} -qP=${name}` : runtime;
  writeFileSync(file, `#!${line}\n${body}`);
  chmodSync(file, 0o755);
}

function launchBody(name: string): string {
  return `import process from "node:process";
process.argv.splice(2, 0, "${name}");
await import("../${name}.js");
`;
}

/**
 * At a program's first start, Deno caches compiled code and more by the program's path and V8
 * flags. Without that cache every start takes 0.3 s longer.
 */
function start(name: string): void {
  run(join(folder, "bin", name), ["--help"], { DENO_DIR: join(folder, "cache") });
}

function run(program: string, args: readonly string[], env: Record<string, string> = {}): void {
  const { status, error } = spawnSync(program, args, {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, ...env },
  });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: failed`, { cause: error });
}
