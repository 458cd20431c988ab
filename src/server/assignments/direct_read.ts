/**
 * Answers which pod of an agent's node an address belongs to, when the watch may be a moment behind:
 * from the index, else by reading the API, sparingly.
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

const missKeptMs = 2_000;
const maxMisses = 10_000;

/** Lists the pods of a node with that address; rejects where the API can't be asked. */
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
  readonly #underWay = new Map<string, Promise<AssignFrame | Refusal>>();

  constructor(options: DirectReadOptions) {
    this.#options = options;
    this.#misses = expiringCache({
      max: maxMisses,
      ttlMs: missKeptMs,
      now: () => options.clock.monotonic(),
    });
  }

  /**
   * The assignment of the pod at `text` on that node. 400 for what is no address, 404 where no pod
   * has it, 409 where two claim it, 429 beyond 20 reads a second of one node, 503 where the API
   * doesn't answer. A miss is kept for 2 s.
   */
  find(node: string, text: string): Promise<AssignFrame | Refusal> | AssignFrame | Refusal {
    const { index, assigner, clock } = this.#options;
    const ip = canonicalAddress(text);
    if (ip === undefined) return refuse(400, "not an address");
    if (!this.#rate.admits(node, clock.monotonic())) {
      return refuse(429, "more than 20 reads a second");
    }
    const claim = index.claimOn(node, ip);
    if (claim.kind === "pod") return assigner.frameFor(claim.pod);
    if (claim.kind === "conflict") return conflict;
    const key = `${node} ${ip}`;
    if (this.#misses.has(key)) return missing;
    return this.#underWay.get(key) ?? this.#start(key, node, ip);
  }

  #start(key: string, node: string, ip: string): Promise<AssignFrame | Refusal> {
    const read = this.#read(key, node, ip).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, read);
    return read;
  }

  async #read(key: string, node: string, ip: string): Promise<AssignFrame | Refusal> {
    const { assigner, log, readPodsByAddress } = this.#options;
    try {
      const pods = await readPodsByAddress(node, ip);
      const claim = claimOf(ip, pods.filter((pod) => pod.nodeName === node));
      if (claim.kind === "pod") return assigner.frameFor(claim.pod);
      if (claim.kind === "conflict") return conflict;
    } catch (cause) {
      log.warn({ node, error: String(cause) }, "direct read failed");
      return refuse(503, "the API server doesn't answer");
    }
    this.#misses.set(key, true);
    return missing;
  }
}

const missing = refuse(404, "no pod of this node has that address");
const conflict = refuse(409, "two pods of this node claim that address");
