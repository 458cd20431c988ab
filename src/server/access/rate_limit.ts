/** Token buckets by key: how often one peer or node may ask for something dear. */
import type { Clock } from "../ports.ts";

interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

export interface RateLimitSettings {
  readonly perSecond: number;
  readonly burst: number;
  /** The keys remembered; beyond, the one unused for longest is forgotten. */
  readonly maxKeys: number;
}

export class RateLimit {
  readonly #clock: Clock;
  readonly #settings: RateLimitSettings;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock, settings: RateLimitSettings) {
    this.#clock = clock;
    this.#settings = settings;
  }

  /** Whether `key` may go ahead now; if so, it is counted. */
  take(key: string): boolean {
    const { perSecond, burst, maxKeys } = this.#settings;
    const now = this.#clock.monotonic();
    const bucket = this.#buckets.get(key) ?? { tokens: burst, at: now };
    const tokens = Math.min(burst, bucket.tokens + (now - bucket.at) / 1000 * perSecond);
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now });
    if (this.#buckets.size > maxKeys) this.#buckets.delete(this.#buckets.keys().next().value!);
    return tokens >= 1;
  }
}
