/**
 * Memory as the kubelet counts it: the usage of a cgroup without the file pages that the kernel can
 * drop at any time. Where no cgroup can be made, a process's proportional set size instead.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

/** cgroup v1 and v2, with the file that has the usage. */
const hierarchies = [
  ["/sys/fs/cgroup/memory", "memory.usage_in_bytes"],
  ["/sys/fs/cgroup", "memory.current"],
] as const;
let made = 0;

export class MemoryGroup {
  readonly #folder: string | undefined;
  readonly #usage: string = "";

  constructor() {
    const name = `rolecall-bench-${process.pid}-${made++}`;
    for (const [root, usage] of hierarchies) {
      const folder = join(root, name);
      if (!canMake(folder, usage)) continue;
      this.#folder = folder;
      this.#usage = join(folder, usage);
      return;
    }
  }

  /** The command, started inside the group. */
  enter(command: readonly string[]): readonly string[] {
    if (this.#folder === undefined) return command;
    return ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', this.#folder, ...command];
  }

  /** `pid` is the process started in it. */
  mib(pid: number): number {
    if (this.#folder === undefined) return proportionalMib(pid);
    const droppable = number(join(this.#folder, "memory.stat"), /^inactive_file (\d+)/m);
    return (number(this.#usage, /(\d+)/) - droppable) / 2 ** 20;
  }

  /** Once its processes have ended. */
  remove(): void {
    if (this.#folder !== undefined) rmdirSync(this.#folder);
  }
}

function canMake(folder: string, usage: string): boolean {
  try {
    mkdirSync(folder);
    if (existsSync(join(folder, usage))) return true;
    rmdirSync(folder);
    return false;
  } catch {
    return false;
  }
}

function proportionalMib(pid: number): number {
  return number(`/proc/${pid}/smaps_rollup`, /^Pss:\s+(\d+)/m) / 1024;
}

function number(file: string, pattern: RegExp): number {
  return Number(pattern.exec(readFileSync(file, "utf8"))?.[1]);
}
