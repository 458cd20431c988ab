/** A clock that only advances when a test moves it. */

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** Fits the `Clock` of agent and server; timers run in order of time, then of their setting. */
export class ManualClock {
  /** What the wall clock shows, less the time that has passed. */
  #wall: number;
  /** Not 0: a real monotonic clock never shows that to the program. */
  #passed = 1_000;
  #timers: Timer[] = [];

  constructor(startAt: number = Date.UTC(2026, 0, 1)) {
    this.#wall = startAt - this.#passed;
  }

  now(): number {
    return this.#wall + this.#passed;
  }

  monotonic(): number {
    return this.#passed;
  }

  /** Somebody sets the machine's clock; no time passes. */
  setWall(to: number): void {
    this.#wall = to - this.#passed;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#passed + Math.max(0, ms), run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** How many timers are set: 0 once everything has been cancelled or has run. */
  pending(): number {
    return this.#timers.length;
  }

  /** Moves time on, running what falls due, and flushes promises after each timer. */
  async advance(ms: number): Promise<void> {
    const end = this.#passed + ms;
    await flushPromises();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#passed = Math.max(this.#passed, next.at);
      next.run();
      await flushPromises();
    }
    this.#passed = end;
  }

  #next(end: number): Timer | undefined {
    return this.#timers
      .filter((timer) => timer.at <= end)
      .sort((a, b) => a.at - b.at)[0];
  }
}

/** Waits until no promise callback is pending: a macrotask runs after all microtasks. */
export function flushPromises(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
