/** LRU caches that take memory only for the entries they have, and whose entries expire by a given clock. */
import { LRUCache } from "lru-cache";

/** Options for that many entries. With its own `max`, the library allocates 32 bytes for each in advance. */
export function atMost(entries: number) {
  return { maxSize: entries, sizeCalculation: () => 1 };
}

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
  return new LRUCache({ ...atMost(max), ttl: ttlMs, ttlResolution: 0, perf: { now } });
}
