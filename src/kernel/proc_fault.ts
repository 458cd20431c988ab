/** Why a file of a procfs can't be read. */

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
