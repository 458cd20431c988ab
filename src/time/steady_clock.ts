/** A wall clock for schedules and ages that doesn't stop when the machine's clock is set back. */
import type { Clock } from "./clock.ts";

/** Less is no jump: the two clocks are read one after the other, and the wall clock in whole ms. */
const jumpMs = 1_000;

/**
 * Starts at the wall clock's time and never goes back. It advances with the monotonic clock, and
 * follows the wall clock's jumps ahead: the monotonic clock stops while a machine is suspended, and
 * credentials are better renewed early than late.
 */
export function steadyClock(clock: Clock): Clock {
  let ahead = clock.now() - clock.monotonic();
  let steadyAhead = ahead;
  const now = () => {
    const passed = clock.monotonic();
    const jumped = clock.now() - passed - ahead;
    if (Math.abs(jumped) >= jumpMs) {
      ahead += jumped;
      steadyAhead += Math.max(0, jumped);
    }
    return passed + steadyAhead;
  };
  return { now, monotonic: now, after: (ms, run) => clock.after(ms, run) };
}
