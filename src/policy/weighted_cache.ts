/** Keeps the values last used, up to a total weight; what they are and what they weigh is told to it. */

interface Entry<T> {
  readonly value: T;
  readonly weight: number;
}

/** A value for each text, made when first asked for and again after it had to go. */
export class WeightedCache<T> {
  readonly #make: (text: string) => T;
  readonly #weigh: (value: T, text: string) => number;
  readonly #most: number;
  readonly #held = new Map<string, Entry<T>>();
  #weight = 0;

  /** `weigh` may give more than a quarter of `most`: such a value isn't kept at all. */
  constructor(
    make: (text: string) => T,
    weigh: (value: T, text: string) => number,
    most: number,
  ) {
    this.#make = make;
    this.#weigh = weigh;
    this.#most = most;
  }

  get weight(): number {
    return this.#weight;
  }

  get(text: string): T {
    const held = this.#held.get(text);
    if (held === undefined) return this.#made(text);
    // A Map gives its entries in the order of their setting: the last used goes to the end.
    this.#held.delete(text);
    this.#held.set(text, held);
    return held.value;
  }

  #made(text: string): T {
    const value = this.#make(text);
    const weight = this.#weigh(value, text);
    if (weight > this.#most / 4) return value;
    this.#held.set(text, { value, weight });
    this.#weight += weight;
    this.#shed();
    return value;
  }

  #shed(): void {
    for (const [text, entry] of this.#held) {
      if (this.#weight <= this.#most) return;
      this.#held.delete(text);
      this.#weight -= entry.weight;
    }
  }
}
