/** A wall clock for schedules and ages that doesn't stop when the machine's clock is set back. */
import type { Clock } from "./clock.ts";

/**
 * Starts at the wall clock's time and never goes back. It advances by whichever moved further, the
 * wall clock or the monotonic clock: the latter stops while a machine is suspended, and credentials
 * are better renewed early than late.
 */
export function steadyClock(clock: Clock): Clock {
  let wall = clock.now();
  let passed = clock.monotonic();
  let steady = wall;
  const now = () => {
    const [wallNow, passedNow] = [clock.now(), clock.monotonic()];
    steady += Math.max(0, wallNow - wall, passedNow - passed);
    [wall, passed] = [wallNow, passedNow];
    return steady;
  };
  return { now, monotonic: now, after: (ms, run) => clock.after(ms, run) };
}
