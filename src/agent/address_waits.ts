/** Requests that wait for word of an address, woken as soon as something about it may have changed. */
import type { Clock } from "./ports.ts";

export class AddressWaits {
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

  wake(ip: string): void {
    for (const wake of this.#waiting.get(ip) ?? []) wake();
  }

  wakeAll(): void {
    for (const ip of [...this.#waiting.keys()]) this.wake(ip);
  }

  /** Settles at `wake(ip)`, after `ms` or when the signal aborts, whichever comes first. */
  next(ip: string, ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const waits = this.#waiting.get(ip) ?? new Set();
      this.#waiting.set(ip, waits);
      const done = () => {
        cancel();
        signal.removeEventListener("abort", done);
        waits.delete(done);
        if (waits.size === 0 && this.#waiting.get(ip) === waits) this.#waiting.delete(ip);
        resolve();
      };
      const cancel = this.#clock.after(ms, done);
      signal.addEventListener("abort", done, { once: true });
      waits.add(done);
    });
  }
}
