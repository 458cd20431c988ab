/** A timer for what may be left undone: it doesn't keep a program alive that has ended. */
import { clearTimeout, setTimeout } from "node:timers";

export const backgroundTimer = {
  /** Runs once after `ms`; the returned function cancels. */
  after(ms: number, run: () => void): () => void {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
