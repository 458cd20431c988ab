/** LRU caches whose entries expire by the clock that is passed in. */
import { LRUCache } from "lru-cache";

interface ExpiringCacheOptions {
  /** Entries; beyond, the least recently used one is evicted. */
  readonly max: number;
  /** An entry is gone once it is older than this. */
  readonly ttlMs: number;
  /** Milliseconds, never 0. */
  readonly now: () => number;
}

// deno-lint-ignore ban-types
export type ExpiringCache<V extends {}> = LRUCache<string, V>;

// deno-lint-ignore ban-types
export function expiringCache<V extends {}>(
  { max, ttlMs, now }: ExpiringCacheOptions,
): ExpiringCache<V> {
  // Without a resolution, the library sets no timers of its own.
  return new LRUCache({ max, ttl: ttlMs, ttlResolution: 0, perf: { now } });
}
