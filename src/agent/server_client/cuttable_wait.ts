/** A wait before the next try, which a request that needs the server can cut short. */
import { pause } from "../../time/pause.ts";
import type { Clock } from "../ports.ts";

/** However many requests wait, tries are never closer together than this. */
const betweenTriesMs = 200;

export class CuttableWait {
  readonly #clock: Clock;
  #cut = new AbortController();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the wait under way, or the next one if there is none. */
  cut(): void {
    this.#cut.abort();
  }

  /** Waits `ms`; `leastMs` if it is cut, less only if the signal aborts. */
  async wait(ms: number, signal: AbortSignal, leastMs = betweenTriesMs): Promise<void> {
    await pause(this.#clock, Math.min(ms, leastMs), signal);
    await pause(this.#clock, ms - leastMs, AbortSignal.any([this.#cut.signal, signal]));
    this.#cut = new AbortController();
  }
}
