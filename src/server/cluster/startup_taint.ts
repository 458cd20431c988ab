/** Has a node's start-up taint taken off once its agent is ready, without asking again and again. */
import type { Log } from "../../telemetry/log.ts";
import type { Clock } from "../../time/clock.ts";

/** A node that was registered anew has the taint again: it is looked at again after this. */
const cleanMs = 10 * 60_000;

interface StartupTaintOptions {
  /** Takes the taint off; `absent` where there is none. */
  readonly remove: (node: string) => Promise<"removed" | "absent">;
  readonly clock: Clock;
  readonly log: Log;
}

/** To be called with each report of a ready agent; a failure is tried again with the next. */
export function startupTaint({ remove, clock, log }: StartupTaintOptions): (node: string) => void {
  const cleanUntil = new Map<string, number>();
  return (node) => {
    const now = clock.now();
    if ((cleanUntil.get(node) ?? 0) > now) return;
    for (const [other, until] of cleanUntil) if (until <= now) cleanUntil.delete(other);
    cleanUntil.set(node, now + cleanMs);
    remove(node).then((outcome) => {
      if (outcome === "removed") log.info({ node }, "start-up taint removed");
    }, (cause) => {
      cleanUntil.delete(node);
      log.warn({ node, error: String(cause) }, "start-up taint not removed");
    });
  };
}
