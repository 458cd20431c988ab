/** Programs under measurement: started on a processor of their own, and what they have used. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import process from "node:process";
import { createInterface, type Interface } from "node:readline";

/** Where a program runs: all candidates on one processor, whatever puts load on them on another. */
export type Place = "candidate" | "load";

const pins = availableParallelism() > 1 && spawnSync("taskset", ["-V"]).status === 0;
const processor = { candidate: "0", load: "1" };

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

  constructor(place: Place, command: readonly string[], env: Record<string, string> = {}) {
    const [file = "", ...args] = pins ? ["taskset", "-c", processor[place], ...command] : command;
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
      this.#wake();
    });
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

  /** Tells a Go program what to do and reads its answer. */
  // deno-lint-ignore no-explicit-any
  async ask(line: string): Promise<any> {
    this.tell(line);
    return JSON.parse(await this.line());
  }

  tell(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  /** Seconds of processor time since its start, of the program and the kernel for it. */
  cpuSeconds(): number {
    const text = readFileSync(`/proc/${this.#child.pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  /** MiB: resident now, and at most so far. */
  memory(): { readonly rss: number; readonly peak: number } {
    const text = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    const mib = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(text)?.[1]) / 1024;
    return { rss: mib("VmRSS"), peak: mib("VmHWM") };
  }

  /** What is at most so far begins anew. */
  forgetPeak(): void {
    writeFileSync(`/proc/${this.#child.pid}/clear_refs`, "5");
  }

  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    if (this.#ended) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill(signal);
    await ended;
  }
}

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/local/go/bin` };
}
