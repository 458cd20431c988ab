/**
 * Collects garbage while a long list is being read. 10,000 pods of 6 kB leave some hundred megabytes
 * of pages, mostly outside V8's heap, so V8 doesn't collect them by itself: the process would grow to
 * twice what it needs, and the allocator would not return the gaps.
 */

/** Reading this much text leaves about four times as much garbage. */
const stepChars = 3_000_000;
/** After a shorter list, a collection isn't worth its time. */
const leastChars = 1_000_000;
/** The longer the list, the more of it is kept, and the longer a collection takes. */
const shareOfList = 1 / 20;

export class PageGarbage {
  readonly #collect: () => void;
  #listed = 0;
  #uncollected = 0;

  /** `collect` collects garbage synchronously, in some milliseconds. */
  constructor(collect: () => void) {
    this.#collect = collect;
  }

  /** A page of this length has been read. */
  page(chars: number): void {
    this.#listed += chars;
    this.#uncollected += chars;
    if (this.#uncollected >= Math.max(stepChars, this.#listed * shareOfList)) this.#take();
  }

  /** The list is complete. */
  end(): void {
    if (this.#listed >= leastChars) this.#take();
    this.#listed = this.#uncollected = 0;
  }

  #take(): void {
    this.#uncollected = 0;
    this.#collect();
  }
}
