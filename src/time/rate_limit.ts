/** Token buckets by key: how often one may do something. What a refusal looks like is for others. */

interface Bucket {
  tokens: number;
  at: number;
}

interface RateLimitSettings {
  /** 0 means no limit. */
  readonly perSecond: number;
  /** So many at once; twice a second's where nothing is said. */
  readonly burst?: number;
  /** The keys remembered; beyond, the one unused for longest is forgotten. */
  readonly maxKeys?: number;
}

export class RateLimit {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #maxKeys: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor({ perSecond, burst = 2 * perSecond, maxKeys = 4096 }: RateLimitSettings) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#maxKeys = maxKeys;
  }

  /** Whether `key` may go ahead at `now` (milliseconds); if so, it is counted. */
  admits(key: string, now: number): boolean {
    if (this.#perSecond === 0) return true;
    const bucket = this.#bucketOf(key, now);
    // A clock set back must not take tokens away.
    const grown = Math.max(0, now - bucket.at) / 1000 * this.#perSecond;
    bucket.tokens = Math.min(this.#burst, bucket.tokens + grown);
    bucket.at = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  /** The last used is the last of the map. */
  #bucketOf(key: string, now: number): Bucket {
    const bucket = this.#buckets.get(key) ?? { tokens: this.#burst, at: now };
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > this.#maxKeys) {
      this.#buckets.delete(this.#buckets.keys().next().value!);
    }
    return bucket;
  }
}
