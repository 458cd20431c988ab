/**
 * Which pod a token belongs to that was issued before anyone knew who stands behind the address:
 * the first pod confirmed there within ten seconds, and no later one.
 */

const adoptWithinMs = 10_000;
const maxAddresses = 4096;
const maxAdoptions = 8;

/** Tokens issued from `from` to `until` without a pod became those of `uid`. */
interface Adoption {
  readonly from: number;
  readonly until: number;
  readonly uid: string;
}

export class AddressAdoption {
  /** Addresses with a token that waits for its pod, by the time of the first. */
  readonly #waiting = new Map<string, number>();
  readonly #adopted = new Map<string, readonly Adoption[]>();

  /** A token without a pod has been issued to the address. */
  issued(peer: string, now: number): void {
    if (this.#waiting.has(peer)) return;
    dropOldest(this.#waiting);
    this.#waiting.set(peer, now);
  }

  /** The pod stands behind the address: whatever waited is its own, or nobody's. */
  confirmed(peer: string, uid: string, now: number): void {
    const first = this.#waiting.get(peer);
    if (first === undefined) return;
    this.#waiting.delete(peer);
    const adoption = { from: Math.max(first, now - adoptWithinMs), until: now, uid };
    const earlier = this.#adopted.get(peer) ?? [];
    this.#adopted.delete(peer);
    dropOldest(this.#adopted);
    this.#adopted.set(peer, [adoption, ...earlier].slice(0, maxAdoptions));
  }

  /** Whether the token issued to the address at that time is this pod's. */
  belongs(peer: string, uid: string, issuedAt: number): boolean {
    const adoptions = this.#adopted.get(peer) ?? [];
    // The oldest one that covers the time: a later pod adopts nothing that was adopted already.
    const first = adoptions.findLast(({ from, until }) => from <= issuedAt && issuedAt <= until);
    return first?.uid === uid;
  }
}

function dropOldest(map: Map<string, unknown>): void {
  if (map.size < maxAddresses) return;
  for (const key of map.keys()) return void map.delete(key);
}
