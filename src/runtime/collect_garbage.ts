/**
 * Lets V8 collect everything that nobody needs any more, at once, and give the memory back. It would
 * come to that by itself, but lets a process whose work is over for the moment grow first.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Stops the program for some milliseconds, more with more in memory. */
export function collectGarbage(): void {
  // V8 hands its collector to contexts made while this is set, flags of the start or not.
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext(
    "() => gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })",
  );
  setFlagsFromString("--no-expose-gc");
  if (typeof collect === "function") collect();
}
