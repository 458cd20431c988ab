/**
 * Facts of the machine that settings depend on (files that may be open at once, IPv6), and what this
 * process uses of it.
 */
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import process from "node:process";
import { type OpenFilesEffort, openFilesTriedAtStart } from "./runtime.ts";

/** POSIX' usual soft limit, taken where nothing can be opened to find out. */
const usualOpenFiles = 1024;
/** More than all listeners ever need. */
const maxTried = 16_384;
/** Deno lets only programs with all permissions read /proc; an agent has the host's as well. */
const limitsFiles = ["/proc/self/limits", "/host/proc/self/limits"];

const found = new Map<OpenFilesEffort, number>();

/** {@link findOpenFilesLimit}, once for each effort. */
export function openFilesLimit(effort: OpenFilesEffort = "quick"): number {
  const limit = found.get(effort) ?? findOpenFilesLimit(effort);
  found.set(effort, limit);
  return limit;
}

/**
 * How many files and sockets the process may have open (`ulimit -n`). Where no procfs can be read, as
 * many as could be opened: at most 4,096, or with full effort 16,384.
 */
export function findOpenFilesLimit(
  effort: OpenFilesEffort,
  paths = limitsFiles,
  spare = "/dev/null",
): number {
  for (const path of paths) {
    const soft = /^Max open files\s+(\d+|unlimited)/m.exec(textOf(path))?.[1];
    if (soft !== undefined) return soft === "unlimited" ? 1_048_576 : Number(soft);
  }
  return openable(spare, effort === "quick" ? openFilesTriedAtStart : maxTried);
}

function openable(path: string, most: number): number {
  const open: number[] = [];
  try {
    while (open.length < most) open.push(openSync(path, "r"));
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code !== "EMFILE") return usualOpenFiles;
  } finally {
    for (const file of open) closeSync(file);
  }
  return open.length;
}

/**
 * Whether `[::]` can be listened on: the kernel has IPv6, and it isn't switched off. Where /proc
 * can't be read, whether an interface (loopback at least) has such an address.
 */
export function hasIpv6(proc = "/proc", interfaces = networkInterfaces): boolean {
  if (textOf(`${proc}/self/limits`) === "") return hasIpv6Address(interfaces);
  if (textOf(`${proc}/net/if_inet6`) === "") return false;
  return textOf(`${proc}/sys/net/ipv6/conf/all/disable_ipv6`).trim() !== "1";
}

function hasIpv6Address(interfaces: typeof networkInterfaces): boolean {
  try {
    const addresses = Object.values(interfaces()).flatMap((one) => one ?? []);
    return addresses.some(({ family }) => family === "IPv6");
  } catch {
    return true;
  }
}

/** The addresses of this machine's interfaces, without zones; none if they can't be listed. */
export function localAddresses(): readonly string[] {
  try {
    return Object.values(networkInterfaces()).flatMap((one) => one ?? [])
      .map(({ address }) => address.split("%", 1)[0]!);
  } catch {
    return [];
  }
}

/** The processor time of this process so far, all threads together, in milliseconds. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** `procRoots`: where a procfs may be mounted; Deno lets only programs with all permissions read /proc. */
export function processUsage(procRoots: readonly string[]) {
  return {
    cpuSeconds: cpuMs() / 1000,
    residentBytes: process.memoryUsage.rss(),
    startedAt: Date.now() / 1000 - process.uptime(),
    openFiles: openFilesBelow(procRoots),
  };
}

function openFilesBelow(procRoots: readonly string[]): number | null {
  for (const root of procRoots) {
    try {
      // Without the folder itself, which is open while it is read.
      return readdirSync(`${root}/self/fd`).length - 1;
    } catch {
      // Not mounted here, or not permitted: the next one.
    }
  }
  return null;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
