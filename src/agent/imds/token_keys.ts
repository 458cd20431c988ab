/** The keys of session tokens: which one signs now, and how long older ones still verify. */
import { Buffer } from "node:buffer";
import * as v from "valibot";
import { parsedJson } from "../../net/json.ts";

export interface TokenKey {
  /** 0 to 255; part of every token made with the key. */
  readonly id: number;
  readonly secret: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** How tokens use their keys. */
export interface TokenKeys {
  /** The key to sign with at `now`. */
  current(now: number): TokenKey;
  /** The key of that ID, as long as tokens made with it may be valid. */
  find(id: number, now: number): TokenKey | undefined;
}

const secretBytes = 32;
const signsForMs = 24 * 3600_000;
/** A token is valid for at most six hours after its key has last signed. */
const verifiesForMs = signsForMs + 6 * 3600_000;

const stored = v.array(v.object({
  id: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(255)),
  secret: v.pipe(v.string(), v.regex(/^[A-Za-z0-9+/]{43}=$/)),
  createdAt: v.number(),
}));

interface TokenKeyRingOptions {
  /** What `changed` was last called with; anything else makes new keys. */
  readonly saved?: string | undefined;
  readonly random: (bytes: number) => Uint8Array;
  /** Called with the keys to save, as text, whenever one has been made. The text is secret. */
  readonly changed?: (saved: string) => void;
}

/** Makes a new key every day and keeps older ones until their last token has expired. */
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
    // A key from the future was made before the clock was corrected; it no longer signs.
    const age = newest === undefined ? Infinity : now - newest.createdAt;
    return newest !== undefined && age >= 0 && age < signsForMs ? newest : this.#rotate(now);
  }

  find(id: number, now: number): TokenKey | undefined {
    return this.#keys.find((key) => key.id === id && now - key.createdAt < verifiesForMs);
  }

  #rotate(now: number): TokenKey {
    const id = ((this.#keys[0]?.id ?? -1) + 1) % 256;
    const key = { id, secret: this.#options.random(secretBytes), createdAt: now };
    const valid = this.#keys.filter((old) => now - old.createdAt < verifiesForMs);
    this.#keys = [key, ...valid].slice(0, 8);
    this.#options.changed?.(writeKeys(this.#keys));
    return key;
  }
}

function writeKeys(keys: readonly TokenKey[]): string {
  const plain = keys.map((key) => ({ ...key, secret: Buffer.from(key.secret).toString("base64") }));
  return JSON.stringify(plain) + "\n";
}

function readKeys(saved: string | undefined): readonly TokenKey[] {
  const read = v.safeParse(stored, parsedJson(saved ?? ""));
  if (!read.success) return [];
  return read.output.map((key) => ({ ...key, secret: Buffer.from(key.secret, "base64") }));
}
