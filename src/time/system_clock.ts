/** The machine's clock and timers. */
import { clearTimeout, setTimeout } from "node:timers";
import type { Clock } from "./clock.ts";

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** For optional work: it doesn't keep a process alive that has nothing else to do. */
export const backgroundTimer = {
  /** Runs once after `ms`; the returned function cancels. */
  after(ms: number, run: () => void): () => void {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
