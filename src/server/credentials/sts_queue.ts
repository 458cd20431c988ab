/**
 * Starts STS calls within the rate and the concurrency, in the order of `fair_queue.ts`. Nothing is
 * dropped.
 */
import type { Clock } from "../../time/clock.ts";
import { StsPace } from "./sts_pace.ts";
import { FairQueue, type Urgency, type Waiting } from "./fair_queue.ts";

/** A call to be made. */
interface StsCall extends Waiting {
  /** Makes the call, which counts as in flight until the promise settles. */
  readonly start: (waitedMs: number) => Promise<void>;
}

interface StsQueueOptions {
  readonly clock: Clock;
  /** Calls per second, while STS doesn't throttle. */
  readonly rate: number;
  /** Calls that may start at once after a quiet time. */
  readonly burst: number;
  /** Calls at once. */
  readonly concurrency: number;
}

export interface StsQueueStats {
  readonly waiting: Readonly<Record<Urgency, number>>;
  readonly inFlight: number;
  /** Calls per second that the queue allows at present. */
  readonly ratePerSecond: number;
  /** How long the oldest call in the queue has waited; 0 if the queue is empty. */
  readonly longestWaitMs: number;
}

interface Queued extends StsCall {
  readonly since: number;
}

export class StsQueue {
  readonly #clock: Clock;
  readonly #pace: StsPace;
  readonly #concurrency: number;
  readonly #waiting = new FairQueue<Queued>();
  #inFlight = 0;
  #cancelWake: (() => void) | undefined;

  /** @throws {RangeError} a rate, burst or concurrency that allows no call */
  constructor(options: StsQueueOptions) {
    if (!(options.concurrency >= 1)) {
      throw new RangeError(`concurrency: at least one call at once, not ${options.concurrency}`);
    }
    this.#clock = options.clock;
    this.#pace = new StsPace({ perSecond: options.rate, burst: options.burst });
    this.#concurrency = options.concurrency;
  }

  /** Adds a call, replacing one with the same key. It never starts within this method. */
  submit(call: StsCall): void {
    this.#waiting.add({ ...call, since: this.#clock.now() });
    this.#wakeIn(0);
  }

  /** Removes a call that hasn't started. */
  cancel(key: string): void {
    this.#waiting.remove(key);
    if (this.#waiting.size === 0) this.#sleep();
  }

  /** STS has throttled a call that started at `startedAt`. */
  throttled(startedAt: number): void {
    this.#pace.throttled(startedAt, this.#clock.now());
  }

  stats(): StsQueueStats {
    const now = this.#clock.now();
    const since = this.#waiting.values().reduce((min, call) => Math.min(min, call.since), now);
    return {
      waiting: this.#waiting.counts(now),
      inFlight: this.#inFlight,
      ratePerSecond: this.#pace.perSecond(now),
      longestWaitMs: now - since,
    };
  }

  #startDue(): void {
    while (this.#waiting.size > 0 && this.#inFlight < this.#concurrency) {
      const now = this.#clock.now();
      if (!this.#pace.take(now)) return this.#wakeIn(this.#pace.waitMs(now));
      const call = this.#waiting.take(now);
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

  /** One timer is enough: each wake-up starts every call that may start. */
  #wakeIn(ms: number): void {
    if (this.#cancelWake !== undefined || this.#waiting.size === 0) return;
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
