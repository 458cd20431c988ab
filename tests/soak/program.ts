/** Agent and servers as processes: started, stopped, killed, and measured from outside. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** As in the images (Dockerfile), and each collection is logged. */
const v8Flags = ["--max-semi-space-size=1", "--trace-gc"];
const denoFlags = [...v8Flags, "--heap-growing-percent=10"];
const imageEnv = { MALLOC_MMAP_THRESHOLD_: "30000" };

export interface ProgramSample {
  /** Resident memory that is its own, files mapped from disk left out. */
  readonly rssMb: number;
  /** What was alive on the heap after the latest collection of all of it; 0 before the first. */
  readonly liveMb: number;
  readonly handles: number;
}

interface ProgramOptions {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where what it prints goes. */
  readonly log: string;
}

export class Program {
  readonly name: string;
  readonly #log: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #alive = true;

  constructor({ name, args, env, log }: ProgramOptions) {
    this.name = name;
    this.#log = log;
    const [program = "", ...before] = runtime();
    const out = openSync(log, "a");
    this.#child = spawn(program, [...before, main, ...args], {
      env: {
        ...env,
        ...imageEnv,
        PATH: process.env["PATH"] ?? "",
        HOME: process.env["HOME"] ?? "",
      },
      stdio: ["ignore", out, out],
    });
    closeSync(out);
    this.#ended = new Promise((resolve) => {
      this.#child.once("exit", () => {
        this.#alive = false;
        resolve();
      });
    });
  }

  get alive(): boolean {
    return this.#alive;
  }

  signal(name: NodeJS.Signals): void {
    if (this.#alive) process.kill(this.#child.pid ?? 0, name);
  }

  async end(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    this.signal("SIGCONT");
    this.signal(signal);
    const timer = setTimeout(() => this.signal("SIGKILL"), 10_000);
    await this.#ended;
    clearTimeout(timer);
  }

  sample(): ProgramSample {
    const folder = `/proc/${this.#child.pid}`;
    const [, kb = "0"] = /^RssAnon:\s+(\d+)/m.exec(readFileSync(`${folder}/status`, "utf8")) ?? [];
    const collections = readFileSync(this.#log, "utf8").matchAll(/Mark-Compact .*?-> ([\d.]+) /g);
    return {
      liveMb: Number([...collections].at(-1)?.[1] ?? 0),
      rssMb: Math.round(Number(kb) / 102.4) / 10,
      handles: readdirSync(`${folder}/fd`).length,
    };
  }
}

function runtime(): string[] {
  if (!("deno" in process.versions)) return [process.execPath, ...v8Flags];
  return [process.execPath, "run", "-A", "--quiet", `--v8-flags=${denoFlags.join()}`];
}
