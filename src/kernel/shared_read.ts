/** One read for everybody who waits for it: it answers whatever was asked before it began. */
import type { Budget, Priority, ReadScheduler } from "./read_scheduler.ts";

/** Counts moments, so that "before" and "after" don't depend on a clock's resolution. */
export class Moments {
  #last = 0;

  next(): number {
    return ++this.#last;
  }
}

export interface SharedReadOptions<T> {
  readonly key: string;
  readonly scheduler: ReadScheduler;
  readonly moments: Moments;
  readonly read: () => Promise<T>;
}

export class SharedRead<T> {
  readonly #options: SharedReadOptions<T>;
  /** The last read, or the one that is running. */
  #last: { readonly begun: number; readonly result: Promise<T> } | undefined;
  #waiting: Promise<T> | undefined;

  constructor(options: SharedReadOptions<T>) {
    this.#options = options;
  }

  /** The result of a read that began after `moment`. `budget` pays for it if one has to be begun. */
  after(moment: number, priority: Priority, budget: Budget): Promise<T> {
    const { key, scheduler, moments, read } = this.#options;
    if (this.#last !== undefined && this.#last.begun > moment) return this.#last.result;
    if (this.#waiting !== undefined) {
      if (priority === "owner") scheduler.promote(key);
      return this.#waiting;
    }
    let hasBegun = false;
    const run = () => {
      hasBegun = true;
      this.#waiting = undefined;
      const begun = moments.next();
      const result = read();
      this.#last = { begun, result };
      return result;
    };
    const result = scheduler.schedule({ key, priority, budget, run });
    if (!hasBegun) this.#waiting = result;
    return result;
  }
}
