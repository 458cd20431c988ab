/**
 * Looks up which pod on an agent's node has an address, in case the watch is slightly behind: in the
 * index, or else in the API, with limits.
 */
import { type ExpiringCache, expiringCache } from "../../time/expiring_cache.ts";
import { canonicalAddress } from "../../net/ip_address.ts";
import type { PodFacts } from "../../policy/facts.ts";
import type { AssignFrame } from "../../protocol/frames.ts";
import { claimOf } from "../cluster/address_claim.ts";
import type { Assigner } from "./assigner.ts";
import type { ClusterIndex } from "../cluster/cluster_index.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Clock } from "../../time/clock.ts";
import { RateLimit } from "../../time/rate_limit.ts";
import { type Refusal, refuse } from "../access/refusal.ts";

const missTtlMs = 2_000;
const maxMisses = 10_000;

/** Lists the pods on a node with that address; rejects if the API server can't be reached. */
export type ReadPodsByAddress = (node: string, ip: string) => Promise<readonly PodFacts[]>;

interface DirectReadOptions {
  readonly index: ClusterIndex;
  readonly assigner: Assigner;
  readonly readPodsByAddress: ReadPodsByAddress;
  readonly clock: Clock;
  readonly log: Log;
}

export class DirectRead {
  readonly #options: DirectReadOptions;
  readonly #rate = new RateLimit({ perSecond: 20, burst: 20, maxKeys: 20_000 });
  readonly #misses: ExpiringCache<true>;
  readonly #inFlight = new Map<string, Promise<AssignFrame | Refusal>>();

  constructor(options: DirectReadOptions) {
    this.#options = options;
    this.#misses = expiringCache({
      max: maxMisses,
      ttlMs: missTtlMs,
      now: () => options.clock.monotonic(),
    });
  }

  /**
   * The assignment of the pod with address `text` on that node. 400: not an address; 404: no pod has
   * it; 409: two pods claim it; 429: more than 20 reads per second from one node; 503: the API server
   * doesn't answer. A miss is cached for 2 s.
   */
  find(node: string, text: string): Promise<AssignFrame | Refusal> | AssignFrame | Refusal {
    const { index, assigner, clock } = this.#options;
    const ip = canonicalAddress(text);
    if (ip === undefined) return refuse(400, "not an address");
    if (!this.#rate.admits(node, clock.monotonic())) {
      return refuse(429, "more than 20 reads per second");
    }
    const claim = index.claimOn(node, ip);
    if (claim.kind === "pod") return assigner.frameFor(claim.pod);
    if (claim.kind === "conflict") return conflict;
    const key = `${node} ${ip}`;
    if (this.#misses.has(key)) return missing;
    return this.#inFlight.get(key) ?? this.#start(key, node, ip);
  }

  #start(key: string, node: string, ip: string): Promise<AssignFrame | Refusal> {
    const read = this.#read(key, node, ip).finally(() => this.#inFlight.delete(key));
    this.#inFlight.set(key, read);
    return read;
  }

  async #read(key: string, node: string, ip: string): Promise<AssignFrame | Refusal> {
    const { assigner, log, readPodsByAddress } = this.#options;
    try {
      const pods = await readPodsByAddress(node, ip);
      const claim = claimOf(ip, pods.filter((pod) => pod.nodeName === node));
      if (claim.kind === "pod") return assigner.frameFor(claim.pod);
      if (claim.kind === "conflict") return conflict;
    } catch (fault) {
      log.warn({ node, error: String(fault) }, "direct read failed");
      return refuse(503, "the API server doesn't answer");
    }
    this.#misses.set(key, true);
    return missing;
  }
}

const missing = refuse(404, "no pod on this node has that address");
const conflict = refuse(409, "two pods on this node claim that address");
