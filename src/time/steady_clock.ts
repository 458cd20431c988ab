/**
 * A clock for plans and ages that setting the machine's clock back can't stop. What follows from its
 * instants is for its users.
 */
import type { Clock } from "./clock.ts";

/**
 * Begins at the wall clock's time and never goes back. It goes on by whichever moved further, the
 * wall clock or the time passed: timers and the time passed stand still while a machine is
 * suspended, the wall clock doesn't; what is late is better renewed early.
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
