/** A wait before the next try, which a request that needs the server can cut short. */
import { pause } from "../../time/pause.ts";
import type { Clock } from "../ports.ts";

/** However many requests wait, tries are never closer together than this. */
const leastMs = 200;

export class CuttableWait {
  readonly #clock: Clock;
  #cut: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the wait under way, if there is one. */
  cut(): void {
    this.#cut();
  }

  /** Waits `ms`, less if it is cut or the signal aborts. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    const cut = new AbortController();
    this.#cut = () => cut.abort();
    await pause(this.#clock, Math.min(ms, leastMs), signal);
    await pause(this.#clock, ms - leastMs, AbortSignal.any([cut.signal, signal]));
    this.#cut = () => {};
  }
}
