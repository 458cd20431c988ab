/** Requests a second that one address may make. What a refusal looks like is decided elsewhere. */

interface Bucket {
  tokens: number;
  at: number;
}

const maxBuckets = 4096;

/** Lets `ratePerSecond` through for each key, and twice that at once; 0 means no limit. */
export class RateLimit {
  readonly #rate: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(ratePerSecond: number) {
    this.#rate = ratePerSecond;
  }

  /** Takes one; false where there is none left. */
  admits(key: string, now: number): boolean {
    if (this.#rate === 0) return true;
    const burst = 2 * this.#rate;
    const bucket = this.#buckets.get(key) ?? this.#open(key, now);
    // A clock set back must not take tokens away.
    const grown = Math.max(0, now - bucket.at) / 1000 * this.#rate;
    bucket.tokens = Math.min(burst, bucket.tokens + grown);
    bucket.at = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  #open(key: string, now: number): Bucket {
    if (this.#buckets.size >= maxBuckets) this.#forgetOldest();
    const bucket = { tokens: 2 * this.#rate, at: now };
    this.#buckets.set(key, bucket);
    return bucket;
  }

  #forgetOldest(): void {
    for (const key of this.#buckets.keys()) return void this.#buckets.delete(key);
  }
}
