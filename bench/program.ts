/** Starts the measured programs, each pinned to a processor, and reads their resource use. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import process from "node:process";
import { createInterface, type Interface } from "node:readline";
import { MemoryGroup } from "./working_set.ts";

/** Where a program runs: all candidates on one processor, the load generators on another. */
type Place = "candidate" | "load";

const pins = availableParallelism() > 1 && spawnSync("taskset", ["-V"]).status === 0;
const processor = { candidate: "0", load: "1" };
const sampleMs = 100;

/** Whether programs can be kept apart. */
export function placement(): string {
  return pins ? "candidates on processor 0, load on processor 1" : "not pinned to processors";
}

export class Program {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #unread: string[] = [];
  #wake = () => {};
  #ended = false;
  readonly #memory: MemoryGroup | undefined;
  readonly #sampling: NodeJS.Timeout | undefined;
  #peak = 0;

  constructor(
    place: Place,
    command: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ) {
    if (place === "candidate") this.#memory = new MemoryGroup();
    const grouped = this.#memory?.enter(command) ?? command;
    const [file = "", ...args] = pins ? ["taskset", "-c", processor[place], ...grouped] : grouped;
    this.#child = spawn(file, args, {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...environment(), ...env },
    });
    this.#lines = createInterface({ input: this.#child.stdout! });
    this.#lines.on("line", (line) => {
      this.#unread.push(line);
      this.#wake();
    });
    this.#child.once("exit", () => {
      this.#ended = true;
      clearInterval(this.#sampling);
      this.#wake();
    });
    if (this.#memory !== undefined) this.#sampling = setInterval(() => this.#sample(), sampleMs);
  }

  /** The next line of output. @throws {Error} the program has ended */
  async line(): Promise<string> {
    while (this.#unread.length === 0) {
      if (this.#ended) throw new Error(`${this.#child.spawnargs.join(" ")}: ended`);
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.#unread.shift()!;
  }

  /** The port of a program that says `LISTENING PORT`. */
  async port(): Promise<number> {
    for (;;) {
      const match = /LISTENING (\d+)/.exec(await this.line());
      if (match !== null) return Number(match[1]);
    }
  }

  /** The port at which a command of ours listens, by the listener's name in its log. */
  async listening(listener: string): Promise<number> {
    for (;;) {
      const line = JSON.parse(await this.line());
      if (line.msg === "listening" && line.listener === listener) return line.port;
    }
  }

  /** Sends a Go program a command and reads its answer. */
  // deno-lint-ignore no-explicit-any
  async command(line: string): Promise<any> {
    this.send(line);
    return JSON.parse(await this.line());
  }

  send(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  /** Seconds of processor time since its start, of the program and the kernel for it. */
  cpuSeconds(): number {
    const text = readFileSync(`/proc/${this.#child.pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  /** A candidate's working set in MiB: now, and at most since the start or the last {@link forgetPeak}. */
  memory(): { readonly now: number; readonly peak: number } {
    const now = this.#sample();
    return { now, peak: this.#peak };
  }

  forgetPeak(): void {
    this.#peak = 0;
  }

  #sample(): number {
    if (this.#ended || this.#memory === undefined) return NaN;
    const now = this.#memory.mib(this.#child.pid ?? 0);
    this.#peak = Math.max(this.#peak, now);
    return now;
  }

  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    if (this.#ended) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill(signal);
    await ended;
    this.#memory?.remove();
  }
}

/** Candidates don't inherit the caller's settings. */
function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"], HOME: process.env["HOME"] };
}
