/**
 * Starts programs, keeps what they print in a file, and ends them by their process id. Which
 * programs and in which network namespace is left to the caller.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import process from "node:process";

interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly timeoutMs?: number;
}

export interface Outcome {
  /** The exit code; 128 and more where a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that ended other than it should, with the end of what it said. */
class ProgramFault extends Error {
  readonly code = "program_failed";
  override readonly name = "ProgramFault";
}

/** The programs' own environment: where to find others, and nothing of the caller's settings. */
export function plainEnv(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const kept = ["PATH", "HOME", "XDG_CACHE_HOME", "DENO_DIR", "LANG", "TMPDIR"];
  // Certificate authorities of a company's proxy, without which no registry can be reached.
  const authorities = ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR", "PIP_CERT"];
  const env: Record<string, string> = {};
  for (const name of [...kept, ...authorities]) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return { ...env, ...more };
}

/** Runs a program to its end, whatever its code. */
export function run(
  command: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env ?? plainEnv(),
    stdio: ["pipe", "pipe", "pipe"],
  });
  const out: Uint8Array[] = [];
  const err: Uint8Array[] = [];
  child.stdout.on("data", (chunk: Uint8Array) => out.push(chunk));
  child.stderr.on("data", (chunk: Uint8Array) => err.push(chunk));
  child.stdin.on("error", () => {});
  child.stdin.end(options.stdin ?? "");
  const timer = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs ?? 60_000);
  return new Promise((resolve, reject) => {
    child.once("error", (error) => {
      clearTimeout(timer);
      reject(new ProgramFault(`${program}: could not be started`, { cause: error }));
    });
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      const text = (chunks: Uint8Array[]) => new TextDecoder().decode(joined(chunks));
      resolve({ code: code ?? (signal ? 128 : 1), stdout: text(out), stderr: text(err) });
    });
  });
}

/** Runs a program that must succeed; yields what it printed. */
export async function must(
  command: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const outcome = await run(command, options);
  if (outcome.code === 0) return outcome.stdout;
  const said = (outcome.stderr + outcome.stdout).trimEnd().split("\n").slice(-15).join("\n");
  throw new ProgramFault(`${command.join(" ")}: exit ${outcome.code}\n${said}`);
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** A program that runs on until it is stopped. */
export class Running {
  readonly name: string;
  readonly logPath: string;
  readonly #child: ChildProcess;
  readonly exited: Promise<number>;
  #code: number | undefined;

  constructor(
    name: string,
    command: readonly string[],
    logPath: string,
    { env = plainEnv(), cwd }: {
      readonly env?: Readonly<Record<string, string>>;
      readonly cwd?: string;
    } = {},
  ) {
    this.name = name;
    this.logPath = logPath;
    const [program = "", ...args] = command;
    const log = openSync(logPath, "a");
    this.#child = spawn(program, args, { cwd, env: { ...env }, stdio: ["ignore", log, log] });
    closeSync(log);
    this.exited = new Promise((resolve) => {
      this.#child.once("error", () => resolve(this.#code = 127));
      this.#child.once("exit", (code, signal) => {
        resolve(this.#code = code ?? (signal ? 128 : 1));
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get alive(): boolean {
    return this.#code === undefined;
  }

  /** Everything it has printed so far. */
  log(): string {
    return readFileSync(this.logPath, "utf8");
  }

  /** Sends the signal, and SIGKILL after `graceMs`; resolves to the exit code. */
  async stop(graceMs = 30_000, signal: "SIGTERM" | "SIGINT" | "SIGKILL" = "SIGTERM") {
    this.#signal(signal);
    const timer = setTimeout(() => this.#signal("SIGKILL"), graceMs);
    const code = await this.exited;
    clearTimeout(timer);
    return code;
  }

  /** By its ID: after `kill()`, Deno reports that a signal ended the child, even if it exited. */
  #signal(signal: NodeJS.Signals): void {
    if (this.alive && this.pid > 0) process.kill(this.pid, signal);
  }
}
