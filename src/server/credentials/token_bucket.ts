/** How many STS calls may start now, and when the next one may; whose turn it is, others say. */

/**
 * A bucket of one second's tokens (of one token, where the rate is under one a second). Each comes
 * back a whole period after it was taken, not little by little: so no second, wherever it begins,
 * sees more calls than the rate, and a quiet time saves nothing up.
 */
export class TokenBucket {
  readonly #capacity: number;
  readonly #periodMs: number;
  /** When each missing token was taken, oldest first. */
  #taken: number[] = [];

  /** @throws {RangeError} a rate that isn't a positive, finite number of calls a second. */
  constructor(perSecond: number) {
    if (!(perSecond > 0 && perSecond < Infinity)) {
      throw new RangeError(`rate: a positive number of calls a second, not ${perSecond}`);
    }
    this.#capacity = Math.max(1, Math.floor(perSecond));
    this.#periodMs = 1000 * this.#capacity / perSecond;
  }

  /** Takes a token; false where there is none. */
  take(now: number): boolean {
    if (this.waitMs(now) > 0) return false;
    this.#taken.push(now);
    return true;
  }

  /** Milliseconds until a token is there; 0 if one is. */
  waitMs(now: number): number {
    this.#bringBack(now);
    const oldest = this.#taken[0];
    if (oldest === undefined || this.#taken.length < this.#capacity) return 0;
    return Math.max(1, Math.ceil(oldest + this.#periodMs - now));
  }

  /** A wall clock set back would keep tokens away for as long: those taken then count as of now. */
  #bringBack(now: number): void {
    if ((this.#taken.at(-1) ?? now) > now) {
      this.#taken = this.#taken.map((at) => Math.min(at, now));
    }
    const back = this.#taken.findIndex((at) => now - at < this.#periodMs);
    this.#taken.splice(0, back < 0 ? this.#taken.length : back);
  }
}
