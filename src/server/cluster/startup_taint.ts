/** Removes a node's start-up taint once its agent is ready, with at most one attempt in 10 minutes. */
import { expiringCache } from "../../time/expiring_cache.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Clock } from "../../time/clock.ts";

/** A node that registers again has the taint again. */
const checkAgainMs = 10 * 60_000;

const maxNodes = 10_000;

interface StartupTaintOptions {
  /** `absent`: the node doesn't have the taint. */
  readonly remove: (node: string) => Promise<"removed" | "absent">;
  readonly clock: Clock;
  readonly log: Log;
}

/** Call it with each report of a ready agent; a failed attempt is repeated with the next report. */
export function startupTaint({ remove, clock, log }: StartupTaintOptions): (node: string) => void {
  const checked = expiringCache<true>({
    max: maxNodes,
    ttlMs: checkAgainMs,
    now: () => clock.monotonic(),
  });
  return (node) => {
    if (checked.has(node)) return;
    checked.set(node, true);
    remove(node).then((outcome) => {
      if (outcome === "removed") log.info({ node }, "start-up taint removed");
    }, (cause) => {
      checked.delete(node);
      log.warn({ node, error: String(cause) }, "start-up taint not removed");
    });
  };
}
