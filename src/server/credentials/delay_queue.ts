/** A delay queue: a binary heap of due times, so that tens of thousands of keys need no timer each. */

interface Deadline {
  readonly key: string;
  readonly at: number;
}

/** One due time per key; setting a key again moves it. */
export class DelayQueue {
  readonly #at = new Map<string, number>();
  #heap: Deadline[] = [];

  get size(): number {
    return this.#at.size;
  }

  set(key: string, at: number): void {
    if (this.#at.get(key) === at) return;
    this.#at.set(key, at);
    this.#push({ key, at });
    this.#compact();
  }

  clear(key: string): void {
    this.#at.delete(key);
  }

  /** The earliest due time, or undefined if the queue is empty. */
  next(): number | undefined {
    this.#dropStale();
    return this.#heap[0]?.at;
  }

  /** Removes and returns the key that is due first, if it is due at `now`. */
  takeDue(now: number): string | undefined {
    const at = this.next();
    if (at === undefined || at > now) return undefined;
    const key = this.#pop()?.key;
    if (key !== undefined) this.#at.delete(key);
    return key;
  }

  #dropStale(): void {
    for (let top = this.#heap[0]; top && this.#at.get(top.key) !== top.at; top = this.#heap[0]) {
      this.#pop();
    }
  }

  /** Moved and cleared keys leave stale entries; the heap never exceeds about twice the keys. */
  #compact(): void {
    if (this.#heap.length <= 2 * this.#at.size + 16) return;
    const live = [...this.#at].map(([key, at]) => ({ key, at }));
    this.#heap = live.sort((a, b) => a.at - b.at);
  }

  #push(deadline: Deadline): void {
    const heap = this.#heap;
    let child = heap.push(deadline) - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (this.#dueAt(parent) <= deadline.at) break;
      this.#swap(child, parent);
      child = parent;
    }
  }

  #pop(): Deadline | undefined {
    const heap = this.#heap;
    this.#swap(0, heap.length - 1);
    const top = heap.pop();
    let parent = 0;
    for (let child = this.#earlierChild(parent); child < heap.length;) {
      if (this.#dueAt(parent) <= this.#dueAt(child)) break;
      this.#swap(parent, child);
      parent = child;
      child = this.#earlierChild(parent);
    }
    return top;
  }

  #earlierChild(parent: number): number {
    const left = 2 * parent + 1;
    return this.#dueAt(left + 1) < this.#dueAt(left) ? left + 1 : left;
  }

  #dueAt(index: number): number {
    return this.#heap[index]?.at ?? Infinity;
  }

  #swap(a: number, b: number): void {
    const [first, second] = [this.#heap[a], this.#heap[b]];
    if (first === undefined || second === undefined) return;
    this.#heap[a] = second;
    this.#heap[b] = first;
  }
}
