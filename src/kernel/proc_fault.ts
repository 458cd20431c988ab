/** Why a file of a procfs can't be read. */
import { codeOf, messageOf, oneLine } from "../telemetry/fault.ts";

/** The process has exited: there is no such file (ENOENT), or it went while being read (ESRCH). */
export function isGone(fault: unknown): boolean {
  const code = codeOf(fault);
  return code === "ENOENT" || code === "ESRCH";
}

/** The kernel doesn't permit the read, as with `hidepid`. */
export function isForbidden(fault: unknown): boolean {
  const code = codeOf(fault);
  return code === "EACCES" || code === "EPERM";
}

/** One line, cut off where it is too long. */
export function lineOf(fault: unknown): string {
  return oneLine(messageOf(fault), 200);
}
