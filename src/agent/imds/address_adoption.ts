/**
 * Which pod a token belongs to that was issued before the pod at the address was known: the first
 * pod confirmed there within ten seconds, and no later one. During a handover the old and the new
 * agent answer side by side, so the token may have been issued by the other one.
 */
import { LRUCache } from "lru-cache";
import { atMost } from "../../time/expiring_cache.ts";

const adoptWithinMs = 10_000;
const maxAddresses = 4096;
const maxAdoptions = 8;

/** Tokens issued without a pod from `from` to `until` belong to `uid`. */
interface Adoption {
  readonly from: number;
  readonly until: number;
  readonly uid: string;
}

export class AddressAdoption {
  /** When the first token was issued that waits for its pod, by address. */
  readonly #waiting = new LRUCache<string, number>(atMost(maxAddresses));
  readonly #adopted = new LRUCache<string, readonly Adoption[]>(atMost(maxAddresses));
  /** The pod confirmed last at an address, and when another one was confirmed there before it. */
  readonly #confirmed = new LRUCache<string, { uid: string; otherAt: number }>(
    atMost(maxAddresses),
  );

  /** Called when a token without a pod has been issued to the address. */
  issued(peer: string, now: number): void {
    if (!this.#waiting.has(peer)) this.#waiting.set(peer, now);
  }

  /** Called when the pod has been identified at the address: it owns what waits there. */
  confirmed(peer: string, uid: string, now: number): void {
    const last = this.#confirmed.get(peer);
    if (last?.uid !== uid) {
      this.#confirmed.set(peer, { uid, otherAt: last === undefined ? -Infinity : now });
    }
    const first = this.#waiting.get(peer);
    if (first === undefined) return;
    this.#waiting.delete(peer);
    this.#adopt(peer, { from: Math.max(first, now - adoptWithinMs), until: now, uid });
  }

  /** Whether the token issued to the address at that time is this pod's. */
  belongs(peer: string, uid: string, issuedAt: number, now: number): boolean {
    const adoptions = this.#adopted.get(peer) ?? [];
    // The oldest that covers the time: a later pod adopts nothing that was adopted already.
    const first = adoptions.findLast(({ from, until }) => from <= issuedAt && issuedAt <= until);
    return first === undefined ? this.#adopts(peer, uid, issuedAt, now) : first.uid === uid;
  }

  /** A token of the other agent: this pod's if no other pod was confirmed here since. */
  #adopts(peer: string, uid: string, issuedAt: number, now: number): boolean {
    const last = this.#confirmed.get(peer);
    const isFirst = last?.uid === uid && last.otherAt < issuedAt;
    if (!isFirst || issuedAt > now || now - issuedAt > adoptWithinMs) return false;
    this.#adopt(peer, { from: issuedAt, until: now, uid });
    return true;
  }

  #adopt(peer: string, adoption: Adoption): void {
    const earlier = this.#adopted.get(peer) ?? [];
    this.#adopted.set(peer, [adoption, ...earlier].slice(0, maxAdoptions));
  }
}
