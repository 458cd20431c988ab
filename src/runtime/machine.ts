/** Facts of the machine that settings depend on: files that may be open at once, IPv6. */
import { readFileSync } from "node:fs";

/** POSIX' usual soft limit, taken where the system doesn't say. */
const usualOpenFiles = 1024;

/** How many files and sockets the process may have open (`ulimit -n`). */
export function openFilesLimit(limitsPath = "/proc/self/limits"): number {
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(textOf(limitsPath))?.[1];
  if (soft === undefined) return usualOpenFiles;
  return soft === "unlimited" ? 1_048_576 : Number(soft);
}

/**
 * Whether `[::]` can be listened on: the kernel has IPv6, and it isn't switched off. Systems
 * without /proc are taken to have it.
 */
export function hasIpv6(proc = "/proc"): boolean {
  if (textOf(`${proc}/self/limits`) === "") return true;
  if (textOf(`${proc}/net/if_inet6`) === "") return false;
  return textOf(`${proc}/sys/net/ipv6/conf/all/disable_ipv6`).trim() !== "1";
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
