/** Randomness from a seed: the same seed and name give the same numbers on every runtime. */

export class Random {
  readonly #name: string;
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(name: string) {
    this.#name = name;
    [this.#a, this.#b, this.#c, this.#d] = hashed(name);
    for (let round = 0; round < 12; round++) this.next();
  }

  /** An independent source for a part, so that what one part draws changes no other. */
  fork(part: string): Random {
    return new Random(`${this.#name}/${part}`);
  }

  /** From 0 up to 1 (sfc32). */
  next(): number {
    const sum = (this.#a + this.#b + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum | 0;
    return (sum >>> 0) / 4_294_967_296;
  }

  /** A whole number from 0 up to `below`. */
  int(below: number): number {
    return Math.floor(this.next() * below);
  }

  /** A whole number from `from` up to `to`, both included. */
  between(from: number, to: number): number {
    return from + this.int(to - from + 1);
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(items.length)]!;
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.int(256));
  }
}

/** Four words of the text (FNV-1a with four starts). */
function hashed(text: string): [number, number, number, number] {
  const word = (start: number) => {
    let hash = start;
    for (const char of text) hash = Math.imul(hash ^ char.codePointAt(0)!, 16_777_619);
    return hash | 0;
  };
  return [word(0x811c9dc5), word(0x9e3779b9), word(0x243f6a88), word(0xb7e15162)];
}
