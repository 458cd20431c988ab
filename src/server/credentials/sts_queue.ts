/**
 * When each STS call may start: never more than the rate in any second, never more at once than
 * allowed, in the order of `turns.ts`. Nothing is dropped; what a call does, and whether it is made
 * again, is the credential cache's.
 */
import type { Clock } from "../../time/clock.ts";
import { TokenBucket } from "./token_bucket.ts";
import { FairQueue, type Urgency, type Waiting } from "./fair_queue.ts";

/** One call that wants to be made. */
interface StsCall extends Waiting {
  /** Makes it; the place among the calls at once is held until the promise settles. */
  readonly start: (waitedMs: number) => Promise<void>;
}

interface StsQueueOptions {
  readonly clock: Clock;
  /** Calls a second, in any second; under 1 means one call in `1 / rate` seconds. */
  readonly rate: number;
  /** Calls at once. */
  readonly concurrency: number;
}

export interface StsQueueStats {
  readonly waiting: Readonly<Record<Urgency, number>>;
  readonly inFlight: number;
  /** How long the first of those waiting has waited; 0 where none does. */
  readonly longestWaitMs: number;
}

interface Queued extends StsCall {
  readonly since: number;
}

export class StsQueue {
  readonly #clock: Clock;
  readonly #bucket: TokenBucket;
  readonly #concurrency: number;
  readonly #turns = new FairQueue<Queued>();
  #inFlight = 0;
  #cancelWake: (() => void) | undefined;

  /** @throws {RangeError} a rate or a concurrency that allows no call. */
  constructor(options: StsQueueOptions) {
    if (!(options.concurrency >= 1)) {
      throw new RangeError(`concurrency: at least one call at once, not ${options.concurrency}`);
    }
    this.#clock = options.clock;
    this.#bucket = new TokenBucket(options.rate);
    this.#concurrency = options.concurrency;
  }

  /** Puts a call in line, in place of one with its key; it starts later, never inside this call. */
  submit(call: StsCall): void {
    this.#turns.add({ ...call, since: this.#clock.now() });
    this.#wakeIn(0);
  }

  /** Takes a call that hasn't started out of the line. */
  cancel(key: string): void {
    this.#turns.remove(key);
    if (this.#turns.size === 0) this.#sleep();
  }

  stats(): StsQueueStats {
    const now = this.#clock.now();
    const since = this.#turns.values().reduce((min, call) => Math.min(min, call.since), now);
    return {
      waiting: this.#turns.counts(now),
      inFlight: this.#inFlight,
      longestWaitMs: now - since,
    };
  }

  #startDue(): void {
    while (this.#turns.size > 0 && this.#inFlight < this.#concurrency) {
      const now = this.#clock.now();
      if (!this.#bucket.take(now)) return this.#wakeIn(this.#bucket.waitMs(now));
      const call = this.#turns.take(now);
      if (call !== undefined) this.#start(call, now);
    }
  }

  #start(call: Queued, now: number): void {
    this.#inFlight++;
    const done = () => {
      this.#inFlight--;
      this.#wakeIn(0);
    };
    call.start(Math.max(0, now - call.since)).then(done, done);
  }

  /** One timer at a time is enough: whoever frees a place or a token looks at the whole line. */
  #wakeIn(ms: number): void {
    if (this.#cancelWake !== undefined || this.#turns.size === 0) return;
    if (this.#inFlight >= this.#concurrency) return;
    this.#cancelWake = this.#clock.after(ms, () => {
      this.#cancelWake = undefined;
      this.#startDue();
    });
  }

  #sleep(): void {
    this.#cancelWake?.();
    this.#cancelWake = undefined;
  }
}
