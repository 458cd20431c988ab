/** Caches what annotations parse to, since many pods and namespaces have the same. */
import { LRUCache } from "lru-cache";

/** About 300 usual expressions, or 16 of the largest, whose engines take 8 MB each. */
const maxSize = 131_072;

/**
 * `parse`, with its latest results kept. `sizeOf` adds to the length of the text; an entry larger
 * than a quarter of the cache isn't kept.
 */
export function cachedByText<T extends object>(
  parse: (text: string) => T,
  sizeOf: (parsed: T) => number = () => 0,
): (text: string) => T {
  const cache = new LRUCache<string, T>({
    maxSize,
    maxEntrySize: maxSize / 4,
    sizeCalculation: (parsed, text) => 64 + text.length + sizeOf(parsed),
    memoMethod: parse,
  });
  return (text) => cache.memo(text);
}
