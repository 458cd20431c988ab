/**
 * IMDSv2 session tokens that need no memory: signed, and bound to the peer's address and its pod.
 * Whether a request needs one is decided elsewhere.
 */
import { Buffer } from "node:buffer";
import { timingSafeEqual } from "node:crypto";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { AddressAdoption } from "./address_adoption.ts";
import type { TokenKey, TokenKeys } from "./token_keys.ts";

/** Seconds; the range that EC2 takes. */
const maxTtlSeconds = 21_600;

// version, key ID, whether bound to a pod, issued at (ms, 6 bytes), TTL (s, 2 bytes)
const headBytes = 11;
const macBytes = 31;
const tokenForm = /^[A-Za-z0-9_-]{56}$/;
const version = 1;

/** The time to live asked for, or undefined where it isn't a whole number from 1 to 21600. */
export function parseTtl(header: string | undefined): number | undefined {
  if (header === undefined || !/^[0-9]{1,6}$/.test(header)) return undefined;
  const seconds = Number(header);
  return seconds >= 1 && seconds <= maxTtlSeconds ? seconds : undefined;
}

interface Verified {
  readonly peer: string;
  readonly uid: string;
  readonly endsAt: number;
}

const maxRemembered = 4096;
const utf8 = new TextEncoder();
const signerOf = (key: TokenKey) => hmac.create(sha256, key.secret);

export class SessionTokens {
  readonly #keys: TokenKeys;
  /** Tokens found good, so that the signature isn't computed for every use; the oldest goes first. */
  readonly #verified = new Map<string, Verified>();
  readonly #adoption = new AddressAdoption();
  /** Each key's signer, ready to be cloned: the key's own part of every signature is done once. */
  readonly #signers = new WeakMap<TokenKey, ReturnType<typeof signerOf>>();

  constructor(keys: TokenKeys) {
    this.#keys = keys;
  }

  /** A token for the pod at the address; without a UID, for the first pod confirmed there. */
  issue(peer: string, uid: string | undefined, ttlSeconds: number, now: number): string {
    if (uid === undefined) this.#adoption.issued(peer, now);
    else this.#adoption.confirmed(peer, uid, now);
    const key = this.#keys.current(now);
    const head = Buffer.alloc(headBytes);
    head[0] = version;
    head[1] = key.id;
    head[2] = uid === undefined ? 0 : 1;
    head.writeUIntBE(now, 3, 6);
    head.writeUInt16BE(ttlSeconds, 9);
    return Buffer.concat([head, this.#sign(key, head, peer, uid ?? "")]).toString("base64url");
  }

  /** To be told whenever a pod is known to stand behind an address. */
  confirmed(peer: string, uid: string, now: number): void {
    this.#adoption.confirmed(peer, uid, now);
  }

  /** Whole seconds the token still lives for this pod at this address; undefined: not good. */
  secondsLeft(token: string, peer: string, uid: string, now: number): number | undefined {
    const known = this.#verified.get(token);
    const endsAt = known?.peer === peer && known.uid === uid
      ? known.endsAt
      : this.#verify(token, peer, uid, now);
    if (endsAt === undefined || endsAt <= now) return undefined;
    return Math.ceil((endsAt - now) / 1000);
  }

  #verify(token: string, peer: string, uid: string, now: number): number | undefined {
    if (!tokenForm.test(token)) return undefined;
    const bytes = Buffer.from(token, "base64url");
    const bound = bytes[2] === 1;
    const key = this.#keys.find(bytes[1] ?? 0, now);
    if (bytes[0] !== version || key === undefined) return undefined;
    const head = bytes.subarray(0, headBytes);
    const mac = this.#sign(key, head, peer, bound ? uid : "");
    if (!timingSafeEqual(mac, bytes.subarray(headBytes))) return undefined;
    const issuedAt = head.readUIntBE(3, 6);
    if (!bound && !this.#adoption.belongs(peer, uid, issuedAt)) return undefined;
    const endsAt = issuedAt + head.readUInt16BE(9) * 1000;
    this.#remember(token, { peer, uid, endsAt });
    return endsAt;
  }

  #remember(token: string, verified: Verified): void {
    if (this.#verified.size >= maxRemembered) {
      const [oldest] = this.#verified.keys();
      if (oldest !== undefined) this.#verified.delete(oldest);
    }
    this.#verified.set(token, verified);
  }

  /** NUL stands in no address and no UID, so two bindings can't run into one another. */
  #sign(key: TokenKey, head: Uint8Array, peer: string, uid: string): Uint8Array {
    const signer = this.#signers.get(key) ?? signerOf(key);
    this.#signers.set(key, signer);
    const mac = signer.clone().update(head).update(utf8.encode(`${peer}\0${uid}`)).digest();
    return mac.subarray(0, macBytes);
  }
}
