/**
 * Asks the server about an address that no frame has named yet: once at a time for each address,
 * and not again for a while where the server knew no pod.
 */
import type { AssignFrame } from "../../protocol/frames.ts";
import type { Clock } from "../ports.ts";

/**
 * The server's word on an address of this node, null where it knows none or two claim it.
 * Rejects while no server can be asked.
 */
export type ReadPod = (ip: string) => Promise<AssignFrame | null>;

const missKeptMs = 2000;
/** The server answers 20 a second to one agent; whoever scans addresses gets no more than that. */
const atOnce = 20;
const missesKept = 1024;

export class DirectReads {
  readonly #clock: Clock;
  readonly #read: ReadPod;
  readonly #found: (ip: string, frame: AssignFrame) => void;
  readonly #underWay = new Set<string>();
  readonly #missedUntil = new Map<string, number>();

  constructor(clock: Clock, read: ReadPod, found: (ip: string, frame: AssignFrame) => void) {
    this.#clock = clock;
    this.#read = read;
    this.#found = found;
  }

  /** Starts a read unless one is under way or a miss is fresh; `found` gets what it yields. */
  ask(ip: string): void {
    if (this.#underWay.has(ip) || this.#underWay.size >= atOnce || this.#missed(ip)) return;
    this.#underWay.add(ip);
    this.#read(ip)
      .then((frame) => frame ? this.#found(ip, frame) : this.#miss(ip))
      // No server to ask is no word on the address: the next request asks again.
      .catch(() => {})
      .finally(() => this.#underWay.delete(ip));
  }

  #missed(ip: string): boolean {
    const until = this.#missedUntil.get(ip);
    if (until === undefined) return false;
    if (until > this.#clock.monotonic()) return true;
    this.#missedUntil.delete(ip);
    return false;
  }

  #miss(ip: string): void {
    const oldest = this.#missedUntil.keys().next();
    if (this.#missedUntil.size >= missesKept && !oldest.done) {
      this.#missedUntil.delete(oldest.value);
    }
    this.#missedUntil.set(ip, this.#clock.monotonic() + missKeptMs);
  }
}
