/** What the kernel adapter reads: a procfs, below its mount point. Every call is asynchronous. */

export interface ProcFiles {
  /** The names in a directory. */
  list(path: string): Promise<readonly string[]>;
  /** What a symbolic link points to. */
  link(path: string): Promise<string>;
  /** The inode number of what the path leads to. */
  inode(path: string): Promise<number>;
  /** A small file. @throws {RangeError} it is longer than 64 KiB */
  text(path: string): Promise<string>;
  /** A file of any size, piece by piece. @throws {RangeError} it is longer than `maxBytes` */
  scan(path: string, maxBytes: number, take: (text: string) => void): Promise<void>;
}

/** The process has exited: there is no such file (ENOENT), or it went while being read (ESRCH). */
export function isGone(fault: unknown): boolean {
  const { code } = fault as { code?: unknown };
  return code === "ENOENT" || code === "ESRCH";
}

/** The kernel doesn't permit the read, as with `hidepid`. */
export function isForbidden(fault: unknown): boolean {
  const { code } = fault as { code?: unknown };
  return code === "EACCES" || code === "EPERM";
}

export function messageOf(fault: unknown): string {
  return (fault instanceof Error ? fault.message : String(fault)).replace(/\s+/g, " ").slice(
    0,
    200,
  );
}
