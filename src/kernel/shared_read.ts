/** A read shared by all that wait for it: it answers every request made before it began. */
import type { Budget, Priority, ReadScheduler } from "./read_scheduler.ts";

/** Counts moments, so that "before" and "after" don't depend on a clock's resolution. */
export class Moments {
  #last = 0;

  next(): number {
    return ++this.#last;
  }
}

interface SharedReadOptions<T> {
  readonly key: string;
  readonly scheduler: ReadScheduler;
  readonly moments: Moments;
  /** Never rejects; `begun` is the moment at which it begins. */
  readonly read: (begun: number) => Promise<T>;
}

export class SharedRead<T> {
  readonly #options: SharedReadOptions<T>;
  /** The last read, which may still be running. */
  #last: { readonly begun: number; readonly result: Promise<T> } | undefined;
  #isRunning = false;
  /** A read that hasn't begun. */
  #next: { priority: Priority; readonly result: Promise<T> } | undefined;

  constructor(options: SharedReadOptions<T>) {
    this.#options = options;
  }

  /** The result of a read that began after `moment`. `budget` pays for it if one has to be begun. */
  after(moment: number, priority: Priority, budget: Budget): Promise<T> {
    if (this.#last !== undefined && this.#last.begun > moment) return this.#last.result;
    const next = this.#next ??= { priority, result: this.#whenFree(budget) };
    if (priority === "owner") {
      next.priority = priority;
      this.#options.scheduler.promote(this.#options.key);
    }
    return next.result;
  }

  /** One read at a time: callers that arrive meanwhile share the next one. */
  async #whenFree(budget: Budget): Promise<T> {
    const { key, scheduler } = this.#options;
    // Also lets `after` set `#next` first.
    await (this.#isRunning ? this.#last?.result : undefined);
    const priority = this.#next!.priority;
    return await scheduler.schedule({ key, priority, budget, run: () => this.#run() });
  }

  async #run(): Promise<T> {
    const { moments, read } = this.#options;
    this.#next = undefined;
    this.#isRunning = true;
    const begun = moments.next();
    const result = read(begun).finally(() => this.#isRunning = false);
    this.#last = { begun, result };
    return await result;
  }
}
