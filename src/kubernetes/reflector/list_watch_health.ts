/** Health of a list and watch: last update, counters, last error. */
import type { Clock } from "../../time/clock.ts";

export interface ReflectorStatus {
  /** The sink has received a complete list since the start. */
  readonly synced: boolean;
  readonly watchAgeSeconds: number;
  readonly lists: number;
  readonly watches: number;
  /** Lists and watches that failed. */
  readonly restarts: number;
  /** Objects skipped because they are unreadable. */
  readonly unreadable: number;
  /** The last failure, until the next update. Never contains a secret. */
  readonly lastError: string | null;
  /** Verb and resource that RBAC denies, such as `list pods`, until the next update. */
  readonly forbidden: string | null;
}

export class ListWatchHealth {
  readonly #clock: Clock;
  #lastUpdateAt: number | null = null;
  #lists = 0;
  #watches = 0;
  #restarts = 0;
  #unreadable = 0;
  #failuresInARow = 0;
  #goneInARow = 0;
  #lastError: string | null = null;
  #forbidden: string | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Seconds since the last update; Infinity before the first. */
  ageSeconds(): number {
    if (this.#lastUpdateAt === null) return Infinity;
    return (this.#clock.monotonic() - this.#lastUpdateAt) / 1000;
  }

  status(): ReflectorStatus {
    return {
      synced: this.#lists > 0,
      watchAgeSeconds: this.ageSeconds(),
      lists: this.#lists,
      watches: this.#watches,
      restarts: this.#restarts,
      unreadable: this.#unreadable,
      lastError: this.#lastError,
      forbidden: this.#forbidden,
    };
  }

  listed(asOf: number): void {
    this.#lists++;
    this.updated(asOf);
  }

  opened(): void {
    this.#watches++;
  }

  skipped(): void {
    this.#unreadable++;
  }

  /**
   * The API has shown that the sink is up to date, as of `asOf` (monotonic) at the latest: data may
   * have been delayed on the way, or by a pause of this process.
   */
  updated(asOf: number): void {
    const sentAt = Math.min(asOf, this.#clock.monotonic());
    this.#lastUpdateAt = Math.max(sentAt, this.#lastUpdateAt ?? -Infinity);
    this.#lastError = null;
    this.#forbidden = null;
  }

  /** The watch delivered an event, or ended normally. */
  progressed(asOf: number): void {
    this.#failuresInARow = 0;
    this.#goneInARow = 0;
    this.updated(asOf);
  }

  /** The failures since the last progress, and how many of them were "gone". */
  failed(failure: {
    readonly error: string;
    readonly forbidden: string | null;
    readonly gone: boolean;
  }): { readonly inARow: number; readonly goneInARow: number } {
    this.#restarts++;
    this.#failuresInARow++;
    if (failure.gone) this.#goneInARow++;
    this.#lastError = failure.error;
    this.#forbidden = failure.forbidden;
    return { inARow: this.#failuresInARow, goneInARow: this.#goneInARow };
  }
}
