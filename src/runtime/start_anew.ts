/**
 * Starts the program anew in its own process, with settings that V8, the C library and the runtime
 * take at their start alone. Only on Linux, and on Deno with the permissions it takes: elsewhere
 * whoever starts the program gives them.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { compiledFolder } from "./compile_cache.ts";
import { packagesInstalled } from "./installed_packages.ts";
import { mayCallLibc } from "./libc.ts";

const root = new URL("../../", import.meta.url);

export interface StartSettings {
  /** V8's flags, one at least. */
  readonly v8: readonly string[];
  /** Environment variables. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * With the settings of the command that was given. Doesn't return where it starts the program anew:
 * same process ID, arguments and standard streams. Returns where the command has no settings, where
 * they are there already, where the user chose V8's flags, and where it may not be done. If the
 * system refuses, Deno goes on as it was started; Node ends.
 */
export function startAnew(settings: Readonly<Record<string, StartSettings>>): void {
  const command = process.argv[2] ?? "";
  if (!Object.hasOwn(settings, command) || process.platform !== "linux") return;
  const ours = settings[command]!;
  if ("deno" in process.versions) startDenoAnew(ours);
  else startNodeAnew(ours);
}

/** Without what takes memory: a cache of compiled code, and Deno's graph of packages that are there. */
function startDenoAnew({ v8, env }: StartSettings): void {
  if (!mayCallLibc() || Deno.permissions.querySync({ name: "env" }).state !== "granted") return;
  if (process.env["DENO_V8_FLAGS"] !== undefined) return;
  const [program = "", command, ...rest] = commandLine();
  const chosen = rest.some((word) => word.startsWith("--v8-flags"));
  if (command !== "run" || chosen) return;
  const installed = packagesInstalled(root) ? ["--node-modules-dir=manual"] : [];
  const variables = Object.entries({ ...env, ...process.env, DENO_V8_FLAGS: v8.join() });
  execve(
    process.execPath,
    [program, command, "--no-code-cache", ...installed, ...rest],
    variables.map(([name, value]) => `${name}=${value}`),
  );
}

/** With options of its own it was started anew, or the user chose; a parent's channel would break. */
function startNodeAnew({ v8, env }: StartSettings): void {
  const chosen = process.execArgv.length > 0 || process.env["NODE_OPTIONS"] !== undefined;
  if (chosen || process.send !== undefined) return;
  const folder = process.env["NODE_COMPILE_CACHE"] ?? compiledFolder();
  const kept = folder === undefined ? {} : { NODE_COMPILE_CACHE: folder };
  const words = [process.argv0, ...v8, ...process.argv.slice(1)];
  process.execve?.(process.execPath, words, { ...env, ...process.env, ...kept });
}

/** How the process was started: `process.argv` doesn't have Deno's own options. */
function commandLine(): string[] {
  return readFileSync("/proc/self/cmdline", "utf8").split("\0").slice(0, -1);
}

/** execve(2): returns only if the C library isn't there or the system refuses. */
function execve(path: string, args: readonly string[], env: readonly string[]): void {
  const [file, words, variables] = [[path], args, env].map(cStrings);
  try {
    const libc = Deno.dlopen("libc.so.6", {
      execve: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
    });
    libc.symbols.execve(file!.bytes, words!.addresses, variables!.addresses);
    libc.close();
  } catch {
    // Another C library: the program goes on as it was started.
  }
}

/** Texts one after the other, each ended by NUL, and where each begins; the last address is null. */
function cStrings(texts: readonly string[]) {
  const bytes = new TextEncoder().encode(texts.map((text) => `${text}\0`).join(""));
  const start = Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
  const ends = [...bytes.keys()].filter((at) => bytes[at] === 0);
  const begins = [0, ...ends.map((end) => end + 1)].slice(0, -1);
  return { bytes, addresses: BigUint64Array.of(...begins.map((at) => start + BigInt(at)), 0n) };
}
