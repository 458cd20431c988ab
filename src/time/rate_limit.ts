/** Token buckets: how often something may be done, also by key. */
import { LRUCache } from "lru-cache";
import { atMost } from "./expiring_cache.ts";

export interface Rate {
  readonly perSecond: number;
  /** The most tokens that accumulate. */
  readonly burst: number;
}

export class TokenBucket {
  /** As of the last `refill`; negative if more was taken than there was. */
  tokens: number;
  #at = -Infinity;

  constructor(tokens: number) {
    this.tokens = tokens;
  }

  /** Adds what the time since the last call has earned. A clock that is set back takes none away. */
  refill(now: number, { perSecond, burst }: Rate): void {
    const earned = Math.max(0, now - this.#at) / 1000 * perSecond;
    this.tokens = Math.min(burst, this.tokens + earned);
    this.#at = now;
  }
}

interface RateLimitOptions {
  /** 0 means no limit. */
  readonly perSecond: number;
  /** How many are admitted at once; twice the rate by default. */
  readonly burst?: number;
  /** Beyond this number, the key unused for longest is forgotten. */
  readonly maxKeys?: number;
}

export class RateLimit {
  readonly #rate: Rate;
  readonly #buckets: LRUCache<string, TokenBucket>;

  constructor({ perSecond, burst = 2 * perSecond, maxKeys = 4096 }: RateLimitOptions) {
    this.#rate = { perSecond, burst };
    this.#buckets = new LRUCache(atMost(maxKeys));
  }

  /** Whether `key` is within its limit at `now` (milliseconds); if so, it is counted. */
  admits(key: string, now: number): boolean {
    if (this.#rate.perSecond === 0) return true;
    const bucket = this.#bucketOf(key);
    bucket.refill(now, this.#rate);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  #bucketOf(key: string): TokenBucket {
    const known = this.#buckets.get(key);
    if (known !== undefined) return known;
    const bucket = new TokenBucket(this.#rate.burst);
    this.#buckets.set(key, bucket);
    return bucket;
  }
}
