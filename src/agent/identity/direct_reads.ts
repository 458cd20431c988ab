/**
 * Reads the pod at an address that no frame has named yet from the server: one read at a time per
 * address, and none for a while after the server knew no pod there.
 */
import type { AssignFrame } from "../../protocol/frames.ts";
import { type ExpiringCache, expiringCache } from "../../time/expiring_cache.ts";
import type { Clock } from "../ports.ts";

export interface DirectReadsOptions {
  readonly clock: Clock;
  /**
   * Reads one address of this node from the server; null if it knows no pod there or two claim it.
   * Rejects while no server can be reached.
   */
  readonly readPod: (ip: string) => Promise<AssignFrame | null>;
  readonly found: (ip: string, frame: AssignFrame) => void;
}

const missKeptMs = 2000;
/** The server answers 20 a second to one agent; a pod that scans addresses gets no more than that. */
const maxConcurrent = 20;
const maxMisses = 1024;

export class DirectReads {
  readonly #options: DirectReadsOptions;
  readonly #inFlight = new Set<string>();
  /** Addresses without a pod. */
  readonly #misses: ExpiringCache<true>;

  constructor(options: DirectReadsOptions) {
    this.#options = options;
    const now = () => options.clock.monotonic();
    this.#misses = expiringCache({ max: maxMisses, ttlMs: missKeptMs, now });
  }

  /** Starts a read unless one is in flight or a miss is recent. */
  start(ip: string): void {
    if (this.#inFlight.has(ip) || this.#inFlight.size >= maxConcurrent || this.#misses.has(ip)) {
      return;
    }
    this.#inFlight.add(ip);
    this.#options.readPod(ip)
      .then((frame) => frame ? this.#options.found(ip, frame) : void this.#misses.set(ip, true))
      // Without a server nothing is known about the address: the next request tries again.
      .catch(() => {})
      .finally(() => this.#inFlight.delete(ip));
  }
}
