/**
 * A fair queue: calls leave by urgency, and within one urgency namespaces take turns, so that none
 * starves another. Within a namespace calls are first in, first out.
 */
import { DelayQueue } from "./delay_queue.ts";

/**
 * `urgent`: a renewal with under a quarter of its life left, or a call that has waited too long;
 * `scheduled`: a pod waits for its first credentials; `ahead`: the rest.
 */
export type Urgency = "urgent" | "scheduled" | "ahead";
const urgencies = ["urgent", "scheduled", "ahead"] as const satisfies readonly Urgency[];

export interface Waiting {
  readonly key: string;
  /** Takes this namespace's turn. */
  readonly namespace: string;
  readonly urgency: Urgency;
  /** When it becomes urgent, milliseconds since the epoch. */
  readonly urgentAt: number;
}

/** One call per key. */
export class FairQueue<T extends Waiting> {
  readonly #waiting = new Map<string, { item: T; urgency: Urgency }>();
  readonly #rising = new DelayQueue();
  /** Namespaces in the order of their turns, each with its keys in order of arrival. */
  readonly #lanes: Readonly<Record<Urgency, Map<string, Set<string>>>> = {
    urgent: new Map(),
    scheduled: new Map(),
    ahead: new Map(),
  };

  get size(): number {
    return this.#waiting.size;
  }

  add(item: T): void {
    this.remove(item.key);
    this.#place(item, item.urgency);
    if (item.urgency !== "urgent") this.#rising.set(item.key, item.urgentAt);
  }

  remove(key: string): void {
    const found = this.#waiting.get(key);
    if (found === undefined) return;
    this.#waiting.delete(key);
    this.#rising.clear(key);
    const lanes = this.#lanes[found.urgency];
    const lane = lanes.get(found.item.namespace);
    lane?.delete(key);
    if (lane?.size === 0) lanes.delete(found.item.namespace);
  }

  /** Removes and returns the next call; its namespace goes to the end of the line. */
  take(now: number): T | undefined {
    this.#raise(now);
    for (const urgency of urgencies) {
      const lanes = this.#lanes[urgency];
      for (const [namespace, lane] of lanes) {
        lanes.delete(namespace);
        lanes.set(namespace, lane);
        return this.#takeFirst(lane);
      }
    }
    return undefined;
  }

  /** Calls by urgency. */
  counts(now: number): Record<Urgency, number> {
    this.#raise(now);
    const counts = { urgent: 0, scheduled: 0, ahead: 0 };
    for (const { urgency } of this.#waiting.values()) counts[urgency]++;
    return counts;
  }

  values(): T[] {
    return [...this.#waiting.values()].map(({ item }) => item);
  }

  #takeFirst(lane: ReadonlySet<string>): T | undefined {
    const [key] = lane;
    const item = key === undefined ? undefined : this.#waiting.get(key)?.item;
    if (item !== undefined) this.remove(item.key);
    return item;
  }

  #raise(now: number): void {
    for (let key = this.#rising.takeDue(now); key !== undefined;) {
      const item = this.#waiting.get(key)?.item;
      this.remove(key);
      if (item !== undefined) this.#place(item, "urgent");
      key = this.#rising.takeDue(now);
    }
  }

  #place(item: T, urgency: Urgency): void {
    this.#waiting.set(item.key, { item, urgency });
    const lanes = this.#lanes[urgency];
    const lane = lanes.get(item.namespace) ?? new Set();
    lanes.set(item.namespace, lane.add(item.key));
  }
}
