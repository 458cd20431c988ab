/** Exponential backoff: how long to wait before the next attempt; doubling, capped, with jitter. */

interface BackoffOptions {
  readonly minMs: number;
  readonly maxMs: number;
  /** From 0 up to 1. */
  random(): number;
  /** The share of each wait that is drawn at random: 0 for none, 1 for full jitter; ½ by default. */
  readonly jitter?: number;
}

export class Backoff {
  readonly #options: BackoffOptions;
  #nextMs: number;

  constructor(options: BackoffOptions) {
    this.#options = options;
    this.#nextMs = options.minMs;
  }

  /** The wait in milliseconds after one more failure, never under `atLeastMs` (a Retry-After). */
  next(atLeastMs = 0): number {
    const { maxMs, random, jitter = 0.5 } = this.#options;
    const ceiling = this.#nextMs;
    this.#nextMs = Math.min(maxMs, ceiling * 2);
    return Math.max(atLeastMs, ceiling * (1 - jitter * (1 - random())));
  }

  reset(): void {
    this.#nextMs = this.#options.minMs;
  }
}
