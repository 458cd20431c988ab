/**
 * Gives back memory that only the moment needed. Most of it is Deno's own program file: the start
 * reads 40 MiB of it, what runs then a quarter, and all that was ever read counts as resident.
 */
import { readFileSync, readlinkSync } from "node:fs";
import process from "node:process";
import { setInterval } from "node:timers";

/** MADV_DONTNEED of madvise(2): pages of a file come back from the system's cache when next read. */
const dontNeed = 4;

/** From now on, for as long as the program runs. */
export function keepGivingBack(everyMs = 10_000): void {
  setInterval(giveBack, everyMs).unref();
}

/**
 * Once; takes some 2 ms. Only on Deno for Linux and with every permission: elsewhere the memory
 * stays.
 */
export function giveBack(): void {
  if (!("deno" in process.versions) || process.platform !== "linux") return;
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return;
  try {
    const libc = Deno.dlopen("libc.so.6", {
      madvise: { parameters: ["usize", "usize", "i32"], result: "i32" },
      malloc_trim: { parameters: ["usize"], result: "i32" },
    });
    const maps = readFileSync("/proc/self/maps", "utf8");
    for (const { start, end } of constantPages(maps, readlinkSync("/proc/self/exe"))) {
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
