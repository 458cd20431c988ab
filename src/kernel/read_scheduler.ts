/**
 * Runs reads within budgets. Reading a socket table costs the kernel a walk over all of the node's
 * connections (2 to 5 ms with the usual 262,144 buckets), so a pod that connects in a tight loop, or
 * misses on purpose, must cost neither the node a core nor another pod its answer. What counts is the
 * processor time: on a busy node a read takes many times as long.
 */
import type { Clock } from "../time/clock.ts";
import { type Rate, TokenBucket } from "../time/rate_limit.ts";

/** `owner`: reads that probably have the answer. They go first. */
export type Priority = "owner" | "sweep";

interface Read<T> {
  /** A read with this key isn't waiting yet. */
  readonly key: string;
  readonly priority: Priority;
  readonly budget: Budget;
  readonly run: () => Promise<T>;
}

/** Milliseconds of reading: half a core for everything together; a hundred pods may start at once. */
const totalShare: Rate = { perSecond: 500, burst: 3000 };
/**
 * How many run at once. A read takes several steps, and on a busy node each waits for the processor;
 * no sweep takes an owner's place.
 */
const mostAtOnce: Readonly<Record<Priority, number>> = { owner: 8, sweep: 2 };

type Waiting = Pick<Read<unknown>, "budget"> & { readonly start: () => Promise<void> };

export class ReadScheduler {
  readonly #clock: Clock;
  readonly #cpuMs: () => number;
  /** In order of arrival, one read per key: so namespaces take turns. */
  readonly #queues: Readonly<Record<Priority, Map<string, Waiting>>> = {
    owner: new Map(),
    sweep: new Map(),
  };
  readonly #total: Budget;
  readonly #running: Record<Priority, number> = { owner: 0, sweep: 0 };
  /** What one read would have cost that had run all the time, and when that was worked out. */
  #costMs = 0;
  #meteredAtMs = 0;
  #isLimited = false;
  #cancelWakeUp: (() => void) | undefined;

  /** `cpuMs`: the processor time of this process so far. */
  constructor(clock: Clock, cpuMs: () => number) {
    this.#clock = clock;
    this.#cpuMs = cpuMs;
    this.#total = new Budget(totalShare, clock);
  }

  /** From now on reads are charged. What an agent reads before it listens mustn't delay its pods. */
  limit(): void {
    this.#isLimited = true;
  }

  schedule<T>({ key, priority, budget, run }: Read<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const start = async () => {
        const startedAt = this.#clock.monotonic();
        const costBefore = this.#costMs;
        await run().then(resolve, reject);
        this.#meter();
        const costMs = this.#costMs - costBefore;
        if (!this.#isLimited) return;
        const ms = Math.min(costMs, this.#clock.monotonic() - startedAt);
        for (const charged of [budget, this.#total]) charged.spend(ms);
      };
      this.#queues[priority].set(key, { budget, start });
      this.#next();
    });
  }

  /** Reads that run at the same time share what the process has used. */
  #meter(): void {
    const now = this.#cpuMs();
    this.#costMs += (now - this.#meteredAtMs) /
      Math.max(1, this.#running.owner + this.#running.sweep);
    this.#meteredAtMs = now;
  }

  /** A read that waits for a sweep goes first from now on. */
  promote(key: string): void {
    const waiting = this.#queues.sweep.get(key);
    if (waiting === undefined) return;
    this.#queues.sweep.delete(key);
    this.#queues.owner.set(key, waiting);
    this.#next();
  }

  #next(): void {
    while (this.#startOne()) continue;
  }

  #startOne(): boolean {
    let soonestMs = Infinity;
    for (const priority of ["owner", "sweep"] as const) {
      if (this.#running[priority] >= mostAtOnce[priority]) continue;
      const queue = this.#queues[priority];
      for (const [key, { budget, start }] of queue) {
        const ms = Math.max(budget.readyInMs(), this.#total.readyInMs());
        soonestMs = Math.min(soonestMs, ms);
        if (ms > 0) continue;
        queue.delete(key);
        this.#meter();
        this.#running[priority]++;
        void start().finally(() => {
          this.#running[priority]--;
          this.#next();
        });
        return true;
      }
    }
    this.#wakeUpIn(soonestMs);
    return false;
  }

  #wakeUpIn(ms: number): void {
    this.#cancelWakeUp?.();
    this.#cancelWakeUp = undefined;
    if (ms === Infinity) return;
    this.#cancelWakeUp = this.#clock.after(Math.ceil(ms), () => {
      this.#cancelWakeUp = undefined;
      this.#next();
    });
  }
}

/**
 * A token bucket of milliseconds of processor time. The last read may overdraw it, as its cost shows
 * afterwards.
 */
export class Budget {
  readonly #share: Rate;
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #bucket: TokenBucket;

  constructor(share: Rate, clock: Pick<Clock, "monotonic">) {
    this.#share = share;
    this.#clock = clock;
    this.#bucket = new TokenBucket(share.burst);
  }

  /** 0 while anything is left. */
  readyInMs(): number {
    const left = this.#left();
    return left > 0 ? 0 : (1 - left) / this.#share.perSecond * 1000;
  }

  spend(ms: number): void {
    this.#left();
    this.#bucket.tokens -= ms;
  }

  #left(): number {
    this.#bucket.refill(this.#clock.monotonic(), this.#share);
    return this.#bucket.tokens;
  }
}
