/** Token buckets by key: how often each key may do something. */
import { LRUCache } from "lru-cache";

interface Bucket {
  tokens: number;
  at: number;
}

interface RateLimitOptions {
  /** 0 means no limit. */
  readonly perSecond: number;
  /** How many may come at once; twice the rate by default. */
  readonly burst?: number;
  /** Beyond this number, the key unused for longest is forgotten. */
  readonly maxKeys?: number;
}

export class RateLimit {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #buckets: LRUCache<string, Bucket>;

  constructor({ perSecond, burst = 2 * perSecond, maxKeys = 4096 }: RateLimitOptions) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#buckets = new LRUCache({ max: maxKeys });
  }

  /** Whether `key` is within its limit at `now` (milliseconds); if so, it is counted. */
  admits(key: string, now: number): boolean {
    if (this.#perSecond === 0) return true;
    const bucket = this.#bucketOf(key, now);
    // A clock that is set back must not take tokens away.
    const refill = Math.max(0, now - bucket.at) / 1000 * this.#perSecond;
    bucket.tokens = Math.min(this.#burst, bucket.tokens + refill);
    bucket.at = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  #bucketOf(key: string, now: number): Bucket {
    const known = this.#buckets.get(key);
    if (known !== undefined) return known;
    const bucket = { tokens: this.#burst, at: now };
    this.#buckets.set(key, bucket);
    return bucket;
  }
}
