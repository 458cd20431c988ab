/** Calls back for each key when its time comes, with one timer for all of them. */
import { DelayQueue } from "./delay_queue.ts";
import type { Clock } from "../../time/clock.ts";

/**
 * The longest sleep: timers stop while a machine is suspended, and the wall clock can be set;
 * looking this often notices both.
 */
const maxSleepMs = 10_000;

export class TimerQueue {
  readonly #deadlines = new DelayQueue();
  readonly #clock: Clock;
  readonly #due: (key: string) => void;
  #wakeAt = Infinity;
  #cancelWake: () => void = () => {};

  constructor(clock: Clock, due: (key: string) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  /** `due(key)` runs once at `at` (milliseconds since the epoch), never within this call. */
  set(key: string, at: number): void {
    this.#deadlines.set(key, at);
    this.#sleep();
  }

  clear(key: string): void {
    this.#deadlines.clear(key);
    if (this.#deadlines.size === 0) this.#stopWaiting();
  }

  #sleep(): void {
    const next = this.#deadlines.next();
    if (next === undefined) return;
    const now = this.#clock.now();
    const wakeAt = Math.min(next, now + maxSleepMs);
    if (wakeAt >= this.#wakeAt) return;
    this.#stopWaiting();
    this.#wakeAt = wakeAt;
    this.#cancelWake = this.#clock.after(Math.max(0, wakeAt - now), () => this.#wake());
  }

  #wake(): void {
    this.#wakeAt = Infinity;
    const now = this.#clock.now();
    for (let key = this.#deadlines.takeDue(now); key !== undefined;) {
      this.#due(key);
      key = this.#deadlines.takeDue(now);
    }
    this.#sleep();
  }

  #stopWaiting(): void {
    this.#cancelWake();
    this.#wakeAt = Infinity;
  }
}
