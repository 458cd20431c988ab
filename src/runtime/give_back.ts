/**
 * Gives back memory that only the moment needed. Most of it is Deno's own program file: the start
 * reads 40 MiB of it, what runs then a quarter, and all that was ever read counts as resident.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { setInterval } from "node:timers";
import { mayCallLibc } from "./libc.ts";

/** MADV_DONTNEED of madvise(2): pages of a file come back from the system's cache when next read. */
const dontNeed = 4;

/** From now on, for as long as the program runs, where it can be done at all. */
export function keepGivingBack(everyMs = 10_000): void {
  if (mayCallLibc()) setInterval(giveBack, everyMs).unref();
}

/** Once; takes some 2 ms. Where it can't be done the memory stays. */
export function giveBack(): void {
  if (!mayCallLibc()) return;
  try {
    const maps = readFileSync("/proc/self/maps", "utf8");
    const program = readlinkSync("/proc/self/exe");
    const libc = Deno.dlopen("libc.so.6", {
      madvise: { parameters: ["usize", "usize", "i32"], result: "i32" },
      malloc_trim: { parameters: ["usize"], result: "i32" },
    });
    for (const { start, end } of constantPages(maps, program)) {
      libc.symbols.madvise(start, end - start, dontNeed);
    }
    libc.symbols.malloc_trim(0n);
    libc.close();
  } catch {
    // Another C library, or no /proc.
  }
}

/**
 * Addresses at which a file is mapped and nothing was ever written to, by proc_pid_maps(5): its
 * code, and the constants it begins with. Into those further on the loader writes addresses.
 */
export function constantPages(maps: string, file: string): { start: bigint; end: bigint }[] {
  const lines = maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) (r-xp [0-9a-f]+|r--p 0+) \S+ \d+ +(.+)$/gm);
  return [...lines].filter(([, , , , path]) => path === file).map(([, start, end]) => ({
    start: BigInt(`0x${start}`),
    end: BigInt(`0x${end}`),
  }));
}
