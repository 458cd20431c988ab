/**
 * Has the garbage of a list collected while the list goes on. Ten thousand pods of 6 kB leave some
 * hundred megabytes of read pages, most of it outside V8's heap, which V8 therefore lets lie: the
 * process would grow to twice what it needs, and the system's allocator would keep the gaps.
 */

/** So much text read leaves some four times as much garbage. */
const stepChars = 3_000_000;
/** At the end less isn't worth the time. */
const leastChars = 1_000_000;
/** The longer the list, the more is kept of it, and the longer a collection takes. */
const shareOfList = 1 / 20;

export class PageGarbage {
  readonly #collect: () => void;
  #listed = 0;
  #uncollected = 0;

  /** `collect` takes the garbage away at once, in some milliseconds. */
  constructor(collect: () => void) {
    this.#collect = collect;
  }

  /** A page of so many characters has been read. */
  page(chars: number): void {
    this.#listed += chars;
    this.#uncollected += chars;
    if (this.#uncollected >= Math.max(stepChars, this.#listed * shareOfList)) this.#take();
  }

  /** The list is at its end. */
  end(): void {
    if (this.#listed >= leastChars) this.#take();
    this.#listed = this.#uncollected = 0;
  }

  #take(): void {
    this.#uncollected = 0;
    this.#collect();
  }
}
