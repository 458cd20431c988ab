/** Counts open connections, in total and by peer, and refuses those over a limit. Closes nothing. */
import { isIPv4 } from "node:net";

/** Exact counts; a peer without connections takes no memory. */
export class ConnectionLimits {
  #total: number;
  #more: (() => number) | undefined;
  readonly #perPeer: number;
  readonly #byPeer = new Map<string, number>();
  #open = 0;
  #refused = 0;

  /** `more` is called once, when so many are open: the total from then on, if it is higher. */
  constructor(total: number, perPeer: number, more?: () => number) {
    this.#total = total;
    this.#more = more;
    this.#perPeer = perPeer;
  }

  get open(): number {
    return this.#open;
  }

  get refused(): number {
    return this.#refused;
  }

  /**
   * Admits the connection or refuses it; each one admitted must be `left` once. The machine's own
   * are admitted beyond the total: many pods together must not shut out the kubelet's probes.
   */
  enter(ends: { readonly peer: string; readonly local: string }): boolean {
    const { peer } = ends;
    const ofPeer = this.#byPeer.get(peer) ?? 0;
    if (this.#open >= this.#total) this.#raiseTotal();
    const full = this.#open >= this.#total && !isOfMachine(ends);
    if (full || ofPeer >= this.#perPeer) {
      this.#refused++;
      return false;
    }
    this.#open++;
    this.#byPeer.set(peer, ofPeer + 1);
    return true;
  }

  #raiseTotal(): void {
    this.#total = Math.max(this.#total, this.#more?.() ?? 0);
    this.#more = undefined;
  }

  leave(peer: string): void {
    this.#open--;
    const left = (this.#byPeer.get(peer) ?? 1) - 1;
    if (left === 0) this.#byPeer.delete(peer);
    else this.#byPeer.set(peer, left);
  }
}

/** A client that connects to an address from that address; loopback excepted, which all clients of dev use. */
function isOfMachine({ peer, local }: { peer: string; local: string }): boolean {
  const isLoopback = peer === "::1" || (isIPv4(peer) && peer.startsWith("127."));
  return peer === local && !isLoopback;
}
