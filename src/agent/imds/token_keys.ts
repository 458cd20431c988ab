/**
 * The keys that session tokens are signed with: which one signs now, and how long older ones still
 * verify. Where they are kept between runs is the caller's.
 */
import { Buffer } from "node:buffer";
import * as v from "valibot";

export interface TokenKey {
  /** 0 to 255; part of every token made with the key. */
  readonly id: number;
  readonly secret: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** What tokens need of their keys. */
export interface TokenKeys {
  /** The key to sign with at `now`. */
  current(now: number): TokenKey;
  /** The key of that ID as long as tokens made with it may live. */
  find(id: number, now: number): TokenKey | undefined;
}

const secretBytes = 32;
const signsForMs = 24 * 3600_000;
/** A token lives at most six hours beyond the last moment its key signed. */
const verifiesForMs = signsForMs + 6 * 3600_000;

const stored = v.array(v.object({
  id: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(255)),
  secret: v.pipe(v.string(), v.regex(/^[A-Za-z0-9+/]{43}=$/)),
  createdAt: v.number(),
}));

export interface TokenKeyRingOptions {
  /** What `changed` was last given; anything else, undefined included, begins anew. */
  readonly saved?: string | undefined;
  readonly random: (bytes: number) => Uint8Array;
  /** Called with the text to keep, which is secret, whenever a key has been made. */
  readonly changed?: (saved: string) => void;
}

/** Makes a new key every day and keeps the older ones until the last token of theirs has ended. */
export class TokenKeyRing implements TokenKeys {
  readonly #options: TokenKeyRingOptions;
  /** Newest first. */
  #keys: readonly TokenKey[];

  constructor(options: TokenKeyRingOptions) {
    this.#options = options;
    this.#keys = readKeys(options.saved);
  }

  current(now: number): TokenKey {
    const newest = this.#keys[0];
    // A key from the future was made before the clock was set right; it signs no more.
    const age = newest === undefined ? Infinity : now - newest.createdAt;
    return newest !== undefined && age >= 0 && age < signsForMs ? newest : this.#rotate(now);
  }

  find(id: number, now: number): TokenKey | undefined {
    return this.#keys.find((key) => key.id === id && now - key.createdAt < verifiesForMs);
  }

  #rotate(now: number): TokenKey {
    const id = ((this.#keys[0]?.id ?? -1) + 1) % 256;
    const key = { id, secret: this.#options.random(secretBytes), createdAt: now };
    const living = this.#keys.filter((old) => now - old.createdAt < verifiesForMs);
    this.#keys = [key, ...living].slice(0, 8);
    this.#options.changed?.(writeKeys(this.#keys));
    return key;
  }
}

function writeKeys(keys: readonly TokenKey[]): string {
  const plain = keys.map(({ id, secret, createdAt }) => {
    return { id, secret: Buffer.from(secret).toString("base64"), createdAt };
  });
  return JSON.stringify(plain) + "\n";
}

function readKeys(saved: string | undefined): readonly TokenKey[] {
  if (saved === undefined) return [];
  try {
    return v.parse(stored, JSON.parse(saved)).map(({ id, secret, createdAt }) => {
      return { id, secret: Buffer.from(secret, "base64"), createdAt };
    });
  } catch {
    return [];
  }
}
