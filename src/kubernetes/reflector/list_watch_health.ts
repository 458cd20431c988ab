/** What is known of how a list and watch fares: when it last spoke, counts, and what stands in its way. */
import type { Clock } from "../ports.ts";

export interface ReflectorStatus {
  /** A whole list has been in the sink since the start. */
  readonly synced: boolean;
  readonly watchAgeSeconds: number;
  readonly lists: number;
  readonly watches: number;
  /** Lists and watches that failed or broke off. */
  readonly restarts: number;
  /** Objects skipped because they couldn't be read. */
  readonly unreadable: number;
  /** The last failure, until the watch speaks again. Never carries a secret. */
  readonly lastError: string | null;
  /** Verb and resource that RBAC refuses, such as `list pods`, until it is granted again. */
  readonly forbidden: string | null;
}

export class ListWatchHealth {
  readonly #clock: Clock;
  #lastWordAt: number | null = null;
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

  /** Infinity before the first word. */
  ageSeconds(): number {
    if (this.#lastWordAt === null) return Infinity;
    return (this.#clock.monotonic() - this.#lastWordAt) / 1000;
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
    this.heard(asOf);
  }

  opened(): void {
    this.#watches++;
  }

  skipped(): void {
    this.#unreadable++;
  }

  /**
   * The API has shown that the sink is up to date, `asOf` (monotonic) at the latest: a word may have
   * waited on the way, or for a process that stood still.
   */
  heard(asOf: number): void {
    const saidAt = Math.min(asOf, this.#clock.monotonic());
    this.#lastWordAt = Math.max(saidAt, this.#lastWordAt ?? -Infinity);
    this.#lastError = null;
    this.#forbidden = null;
  }

  /** The watch has brought something, or ended in order. */
  progressed(asOf: number): void {
    this.#failuresInARow = 0;
    this.#goneInARow = 0;
    this.heard(asOf);
  }

  /** How many failures, and how many of them "gone", have come since the last progress. */
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
