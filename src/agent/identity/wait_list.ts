/** Requests that wait for news of a pod, by its UID or an address, woken when some arrives. */
import type { Clock } from "../ports.ts";

export class WaitList {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Requests that wait now. */
  get size(): number {
    let size = 0;
    for (const waits of this.#waiting.values()) size += waits.size;
    return size;
  }

  wake(key: string): void {
    for (const wake of this.#waiting.get(key) ?? []) wake();
  }

  wakeAll(): void {
    for (const key of [...this.#waiting.keys()]) this.wake(key);
  }

  /** Settles at `wake(key)`, after `ms` or when the signal aborts, whichever comes first. */
  next(key: string, ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const waits = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, waits);
      const done = () => {
        cancel();
        signal.removeEventListener("abort", done);
        waits.delete(done);
        if (waits.size === 0 && this.#waiting.get(key) === waits) this.#waiting.delete(key);
        resolve();
      };
      const cancel = this.#clock.after(ms, done);
      signal.addEventListener("abort", done, { once: true });
      waits.add(done);
    });
  }
}
