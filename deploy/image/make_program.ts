/**
 * Builds the image's program in a folder: bundles, and a launcher for each command with only the
 * permissions it needs. Usage: `make_program.ts FOLDER RUNTIME [COMMAND…]`, where RUNTIME is the
 * path of the `deno` or `node` that runs it; without commands it builds all of them.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const [folder = "", runtime = "", ...wanted] = process.argv.slice(2);
const onDeno = basename(runtime) === "deno";
const permissionsFile = join(here, "permissions.json");
const permissions: Readonly<Record<string, unknown>> =
  JSON.parse(readFileSync(permissionsFile, "utf8")).permissions;

/**
 * CommonJS modules call it for what the runtime has built in; the rest is in the bundle. The `require`
 * of node:module would take every start 5 ms longer.
 */
const requireBuiltin = `var require=(name)=>{
const builtin=globalThis.process.getBuiltinModule(name);
if(builtin===undefined)throw Object.assign(Error(name),{code:"MODULE_NOT_FOUND"});
return builtin};`.replaceAll("\n", "");

/** Further programs, small enough to start every few seconds. */
const scripts = ["hold", "ready"];
const modules = commandModules();
const commands = [...modules.keys()].filter((name) => wanted.length === 0 || wanted.includes(name));
/** Those that start on every node have bundles of their own, which takes fewer files; the rest share. */
const alone = ["agent", "server"].filter((name) => commands.includes(name));
const rest = commands.filter((name) => !alone.includes(name));

mkdirSync(join(folder, "bin"), { recursive: true });
if (onDeno) copyFileSync(permissionsFile, join(folder, "deno.json"));
else writeFileSync(join(folder, "package.json"), '{"type":"module"}\n');
for (const name of alone) await build(name, [name]);
if (rest.length > 0) await build("others", rest);
for (const name of scripts) {
  copyFileSync(join(here, `${name}.js`), join(folder, `${name}.js`));
  launcher(name, `import "../${name}.js";\n`);
}

/** Each command's name and the module that `src/commands.ts` loads for it. */
function commandModules(): Map<string, string> {
  const table = readFileSync(join(here, "../../src/commands.ts"), "utf8");
  const loads = /^ {2}"?([\w-]+)"?: \{.*?import\("([^"]+)"\)/gms;
  return new Map([...table.matchAll(loads)].map(([, name = "", module = ""]) => [name, module]));
}

/** One bundle for the commands of a group, with a launcher for each. */
async function build(name: string, group: readonly string[]): Promise<void> {
  const files = await bundle(name, group);
  for (const command of group) launcher(command, launchBody(command, name));
  if (onDeno) warm(files, group);
}

/**
 * Without the modules of other commands, and with what is loaded later, if at all, in files of its
 * own: Deno reads a whole file at each start.
 */
async function bundle(name: string, group: readonly string[]): Promise<readonly string[]> {
  const others = [...modules].filter(([other]) => !group.includes(other));
  const { metafile } = await esbuild.build({
    entryPoints: { main: join(here, "../../src/main.ts") },
    outdir: join(folder, name),
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    platform: "node",
    target: "esnext",
    mainFields: ["module", "main"],
    external: others.map(([, module]) => module),
    banner: { js: requireBuiltin },
    logLevel: "warning",
    metafile: true,
  });
  return Object.keys(metafile.outputs).map((path) => resolve(path));
}

/** So that a container needs no shell, and takes the same arguments on either runtime. */
function launcher(name: string, body: string): void {
  if (!(name in permissions)) throw new Error(`permissions.json: ${name} is missing`);
  const file = join(folder, "bin", name);
  const line = onDeno ? `${runtime} -qP=${name}` : runtime;
  writeFileSync(file, `#!${line}\n${body}`);
  chmodSync(file, 0o755);
}

function launchBody(name: string, bundled: string): string {
  return `import process from "node:process";
process.argv.splice(2, 0, "${name}");
await import("../${bundled}/main.js");
`;
}

/**
 * Deno keeps what it finds out when it first loads a file, compiled code among it, by the file's path
 * and the V8 flags: of its own as well, some of which it loads for the first listener and response.
 * Without it every start takes 0.3 s more.
 */
function warm(files: readonly string[], group: readonly string[]): void {
  const env = { DENO_DIR: join(folder, "cache") };
  const script = join(folder, "warm.js");
  const parts = files.filter((file) => !file.endsWith("/main.js"));
  const lines = [
    ...parts.map((file) => `await import(${JSON.stringify(file)});`),
    'import { createServer } from "node:http";',
    "const server = createServer().listen(0, () => server.close());",
    'await new Response("").text();',
  ];
  writeFileSync(script, lines.join("\n"));
  run(runtime, ["run", "--quiet", "--allow-all", script], env);
  rmSync(script);
  for (const name of group) run(join(folder, "bin", name), ["--help"], env);
}

function run(program: string, args: readonly string[], env: Record<string, string> = {}): void {
  const { status, error } = spawnSync(program, args, {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, ...env },
  });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: failed`, { cause: error });
}
