/**
 * Which pod a token belongs to that was issued before the pod at the address was known: the first
 * pod confirmed there within ten seconds, and no later one.
 */
import { LRUCache } from "lru-cache";

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
  readonly #waiting = new LRUCache<string, number>({ max: maxAddresses });
  readonly #adopted = new LRUCache<string, readonly Adoption[]>({ max: maxAddresses });

  /** Called when a token without a pod has been issued to the address. */
  issued(peer: string, now: number): void {
    if (!this.#waiting.has(peer)) this.#waiting.set(peer, now);
  }

  /** Called when the pod has been identified at the address: it owns what waits there. */
  confirmed(peer: string, uid: string, now: number): void {
    const first = this.#waiting.get(peer);
    if (first === undefined) return;
    this.#waiting.delete(peer);
    const adoption = { from: Math.max(first, now - adoptWithinMs), until: now, uid };
    const earlier = this.#adopted.get(peer) ?? [];
    this.#adopted.set(peer, [adoption, ...earlier].slice(0, maxAdoptions));
  }

  /** Whether the token issued to the address at that time is this pod's. */
  belongs(peer: string, uid: string, issuedAt: number): boolean {
    const adoptions = this.#adopted.get(peer) ?? [];
    // The oldest that covers the time: a later pod adopts nothing that was adopted already.
    const first = adoptions.findLast(({ from, until }) => from <= issuedAt && issuedAt <= until);
    return first?.uid === uid;
  }
}
