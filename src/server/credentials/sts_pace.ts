/**
 * The pace of STS calls: a token bucket whose rate halves when STS throttles, and recovers by itself
 * (additive increase, multiplicative decrease, as in TCP). STS's quota is shared by everything in the
 * account, so no fixed rate is always right.
 */
import { type Rate, TokenBucket } from "../../time/rate_limit.ts";

/** How long the rate stays reduced before it begins to recover. */
const holdMs = 5_000;
/** A recovery from nothing to the full rate would take this long. */
const recoveryMs = 60_000;

export class StsPace {
  readonly #full: Rate;
  #perSecond: number;
  readonly #bucket: TokenBucket;
  #refilledAt = -Infinity;
  #throttledAt = -Infinity;

  /** @throws {RangeError} a rate or a burst that allows no call */
  constructor(full: Rate) {
    const { perSecond, burst } = full;
    if (!(perSecond > 0 && perSecond < Infinity)) {
      throw new RangeError(
        `rate: expected a positive number of calls per second, not ${perSecond}`,
      );
    }
    if (!(burst >= 1)) throw new RangeError(`burst: expected at least one call, not ${burst}`);
    this.#full = full;
    this.#perSecond = perSecond;
    this.#bucket = new TokenBucket(burst);
  }

  /** The present rate, tokens per second. */
  perSecond(now: number): number {
    this.#refill(now);
    return this.#perSecond;
  }

  /** Takes a token; false if there is none. */
  take(now: number): boolean {
    this.#refill(now);
    if (this.#bucket.tokens < 1) return false;
    this.#bucket.tokens--;
    return true;
  }

  /** Milliseconds until there is a token; 0 if there is one. */
  waitMs(now: number): number {
    this.#refill(now);
    return Math.max(0, Math.ceil((1 - this.#bucket.tokens) / this.#perSecond * 1000));
  }

  /**
   * STS has throttled a call that started at `startedAt`: halves the rate, but only once for all calls
   * that were already in flight, and no further than to one per second.
   */
  throttled(startedAt: number, now: number): void {
    if (startedAt <= this.#throttledAt) return;
    this.#refill(now);
    this.#perSecond = Math.max(Math.min(1, this.#full.perSecond), this.#perSecond / 2);
    this.#bucket.tokens = 0;
    this.#throttledAt = now;
  }

  #refill(now: number): void {
    const { perSecond, burst } = this.#full;
    const since = Math.max(this.#refilledAt, this.#throttledAt + holdMs);
    const recovered = Math.max(0, now - since) * perSecond / recoveryMs;
    // While the rate is reduced, nothing is saved up for a burst.
    const capacity = this.#perSecond < perSecond ? Math.max(1, this.#perSecond) : burst;
    this.#bucket.refill(now, { perSecond: this.#perSecond, burst: capacity });
    this.#perSecond = Math.min(perSecond, this.#perSecond + recovered);
    this.#refilledAt = now;
  }
}
