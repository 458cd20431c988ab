/** The machine's clock and timers, in the form that every room takes them as an argument. */

export const systemClock = {
  /** Milliseconds since the epoch. */
  now: (): number => Date.now(),
  /** Milliseconds since the start; setting the machine's clock doesn't move it. */
  monotonic: (): number => performance.now(),
  /** Runs once after `ms`; the returned function cancels. */
  after(ms: number, run: () => void): () => void {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};
