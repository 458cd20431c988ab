/** A timer for optional work: it doesn't keep a process alive that has nothing else to do. */
import { clearTimeout, setTimeout } from "node:timers";

export const backgroundTimer = {
  /** Runs once after `ms`; the returned function cancels. */
  after(ms: number, run: () => void): () => void {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
