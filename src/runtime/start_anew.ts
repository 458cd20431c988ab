/**
 * Starts the program anew in its own process, with settings that V8, the C library and Deno take at
 * their start alone. Only on Deno for Linux and with every permission: elsewhere whoever starts the
 * program gives them.
 */
import { readFileSync } from "node:fs";
import process from "node:process";

export interface StartSettings {
  /** Options of `deno run`. */
  readonly options: readonly string[];
  /** Environment variables, `DENO_V8_FLAGS` among them. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * With the settings of the command that was given. Doesn't return where it starts the program anew:
 * same process ID, arguments and open streams. Returns where the command has no settings, where they
 * are there already, where the user chose V8's flags, and where it can't be done.
 */
export function startAnew(settings: Readonly<Record<string, StartSettings>>): void {
  const { options, env } = settings[process.argv[2] ?? ""] ?? {};
  if (options === undefined || !mayStartAnew()) return;
  const [program = "", command, ...rest] = commandLine();
  const chosen = rest.some((word) => word.startsWith("--v8-flags"));
  if (command !== "run" || chosen) return;
  const variables = Object.entries({ ...process.env, ...env });
  execve(
    process.execPath,
    [program, command, ...options, ...rest],
    variables.map(([name, value]) => `${name}=${value}`),
  );
}

function mayStartAnew(): boolean {
  if (!("deno" in process.versions) || process.platform !== "linux") return false;
  if (process.env["DENO_V8_FLAGS"] !== undefined) return false;
  const granted = (name: "ffi" | "read") =>
    Deno.permissions.querySync({ name }).state === "granted";
  return granted("ffi") && granted("read");
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
