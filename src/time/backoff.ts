/** How long to wait before the next attempt: doubling, bounded, and spread by chance. */

export interface BackoffOptions {
  readonly minMs: number;
  readonly maxMs: number;
  /** From 0 up to 1. */
  random(): number;
}

/** Between half and the whole of 0.25 s, 0.5 s … up to the maximum. */
export class Backoff {
  readonly #options: BackoffOptions;
  #nextMs: number;

  constructor(options: BackoffOptions) {
    this.#options = options;
    this.#nextMs = options.minMs;
  }

  /** The wait after one more failure, never under `atLeastMs` (a Retry-After). */
  next(atLeastMs = 0): number {
    const ceiling = this.#nextMs;
    this.#nextMs = Math.min(this.#options.maxMs, ceiling * 2);
    return Math.max(atLeastMs, ceiling * (0.5 + this.#options.random() / 2));
  }

  reset(): void {
    this.#nextMs = this.#options.minMs;
  }
}
