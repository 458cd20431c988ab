/** IMDSv2 session tokens without state: signed, and bound to the peer's address and its pod. */
import { Buffer } from "node:buffer";
import { timingSafeEqual } from "node:crypto";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { LRUCache } from "lru-cache";
import { atMost } from "../../time/expiring_cache.ts";
import { AddressAdoption } from "./address_adoption.ts";
import type { TokenKey, TokenKeys } from "./token_keys.ts";

/** Seconds; EC2 accepts 1 to this. */
const maxTtlSeconds = 21_600;

// version, key ID, whether bound to a pod, issued at (ms, 6 bytes), TTL (s, 2 bytes)
const headBytes = 11;
const macBytes = 31;
const tokenForm = /^[A-Za-z0-9_-]{56}$/;
const version = 1;

/** The requested time to live; undefined unless it is a whole number from 1 to 21600. */
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

/** What a well-formed token says; nothing of it is trusted before its signature is checked. */
interface Claims {
  readonly key: TokenKey;
  readonly head: Uint8Array;
  readonly mac: Uint8Array;
  readonly bound: boolean;
  readonly issuedAt: number;
  readonly endsAt: number;
}

const maxVerified = 4096;
const utf8 = new TextEncoder();
const signerOf = (key: TokenKey) => hmac.create(sha256, key.secret);

export class SessionTokens {
  readonly #keys: TokenKeys;
  /** Valid tokens, so that their signature isn't computed for every use. */
  readonly #verified = new LRUCache<string, Verified>(atMost(maxVerified));
  readonly #adoption = new AddressAdoption();
  /** Each key's signer, ready to be cloned: the key's own part of a signature is computed once. */
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

  /** Called whenever a pod has been identified behind an address. */
  confirmed(peer: string, uid: string, now: number): void {
    this.#adoption.confirmed(peer, uid, now);
  }

  /** Whole seconds the token still lives for this pod at this address; undefined if it is invalid. */
  secondsLeft(token: string, peer: string, uid: string, now: number): number | undefined {
    const known = this.#verified.get(token);
    const endsAt = known?.peer === peer && known.uid === uid
      ? known.endsAt
      : this.#verify(token, peer, uid, now);
    if (endsAt === undefined || endsAt <= now) return undefined;
    return Math.ceil((endsAt - now) / 1000);
  }

  /**
   * Whether the token is invalid for any pod at this address, as far as that shows without the pod;
   * `lastKnown` gives the pod's UID if there is one.
   */
  isInvalid(
    token: string,
    peer: string,
    lastKnown: () => string | undefined,
    now: number,
  ): boolean {
    const known = this.#verified.get(token);
    if (known?.peer === peer) return known.endsAt <= now;
    const claims = this.#read(token, now);
    if (claims === undefined || claims.endsAt <= now) return true;
    const uid = claims.bound ? lastKnown() : "";
    return uid !== undefined && !this.#isSigned(claims, peer, uid);
  }

  #verify(token: string, peer: string, uid: string, now: number): number | undefined {
    const claims = this.#read(token, now);
    if (claims === undefined) return undefined;
    const { bound, issuedAt, endsAt } = claims;
    if (!this.#isSigned(claims, peer, bound ? uid : "")) return undefined;
    if (!bound && !this.#adoption.belongs(peer, uid, issuedAt, now)) return undefined;
    this.#verified.set(token, { peer, uid, endsAt });
    return endsAt;
  }

  #read(token: string, now: number): Claims | undefined {
    if (!tokenForm.test(token)) return undefined;
    const bytes = Buffer.from(token, "base64url");
    const key = this.#keys.find(bytes[1] ?? 0, now);
    if (bytes[0] !== version || key === undefined) return undefined;
    const issuedAt = bytes.readUIntBE(3, 6);
    return {
      key,
      head: bytes.subarray(0, headBytes),
      mac: bytes.subarray(headBytes),
      bound: bytes[2] === 1,
      issuedAt,
      endsAt: issuedAt + bytes.readUInt16BE(9) * 1000,
    };
  }

  #isSigned({ key, head, mac }: Claims, peer: string, uid: string): boolean {
    return timingSafeEqual(this.#sign(key, head, peer, uid), mac);
  }

  /** Neither an address nor a UID contains NUL, so two bindings can't be confused. */
  #sign(key: TokenKey, head: Uint8Array, peer: string, uid: string): Uint8Array {
    const signer = this.#signers.get(key) ?? signerOf(key);
    this.#signers.set(key, signer);
    const mac = signer.clone().update(head).update(utf8.encode(`${peer}\0${uid}`)).digest();
    return mac.subarray(0, macBytes);
  }
}
