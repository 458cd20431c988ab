/**
 * Which parts of the cluster have worked, and for how long: it decides which promises hold at an
 * answer. A change that the API reported before `confirmedUpTo` must have reached the node's agent.
 */

/** Within this time after the last fault, everything has caught up; a promise to users. */
export const settledMs = 150_000;
/** With everything working, a change reaches the agent within this time. */
const promptMs = 5_000;
/** With one server working, an agent has left one that doesn't within this time. */
const switchedMs = 120_000;
/** With all servers but one working, an agent has left that one within this time … */
export const silentLeftMs = 90_000;
/** … and this one if it was killed, which shows at once. */
const killedLeftMs = 45_000;

/** What works now, for one node. */
export interface NodeHealth {
  /** The agent's process, stopped or not, which knows what it has seen. */
  readonly agent: boolean;
  /** Agent, API, every server and the links between them. */
  readonly all: boolean;
  /** By server: it, the agent, the API and the links between these. */
  readonly pairs: ReadonlyMap<string, boolean>;
  /** Every server that doesn't work has been killed. */
  readonly killed: boolean;
  /** Everything, STS and clocks included. */
  readonly issuing: boolean;
  /** STS, and whatever servers need for it: any that agents can follow issues credentials. */
  readonly issuers: boolean;
}

export class Health {
  /** The simulation's time; Infinity = not working now. */
  #allSince = Infinity;
  #issuingSince = Infinity;
  #issuersSince = Infinity;
  readonly #pairSince = new Map<string, number>();
  /** When a server last began or ceased to work. */
  #pairsChangedAt = -Infinity;
  /** How long agents take to leave one that has ceased to work. */
  leftMs = silentLeftMs;
  /** Up to when all servers had seen everything, once they no longer work. */
  #floor = -Infinity;
  /** Up to when the agent that runs had seen everything. */
  #seen = -Infinity;

  /** To be called whenever something has changed, with what works from now on. */
  update(now: NodeHealth, time: number): void {
    this.#seen = now.agent ? this.seenUpTo(time) : -Infinity;
    this.#floor = this.#seenByAll(time);
    this.#allSince = since(now.all, this.#allSince, time);
    this.#issuingSince = since(now.issuing, this.#issuingSince, time);
    this.#issuersSince = since(now.issuers, this.#issuersSince, time);
    for (const [server, works] of now.pairs) {
      const before = this.#pairSince.get(server) ?? Infinity;
      if (works !== before < Infinity) {
        this.#pairsChangedAt = time;
        this.leftMs = now.killed ? killedLeftMs : silentLeftMs;
      }
      this.#pairSince.set(server, since(works, before, time));
    }
  }

  confirmedUpTo(time: number): number {
    const floors = [...this.#pairSince.values()].filter((at) => time - at >= settledMs)
      .map(() => time - switchedMs);
    return Math.max(this.#seenByAll(time), ...floors);
  }

  /** What the agent itself has seen, from whichever server, it doesn't give up for an older view. */
  seenUpTo(time: number): number {
    return Math.max(this.#seen, this.confirmedUpTo(time));
  }

  /** For how long that server has worked. */
  worksFor(server: string, time: number): number {
    return time - (this.#pairSince.get(server) ?? Infinity);
  }

  /** What every server has seen stays so, whichever of them the agent finds later. */
  #seenByAll(time: number): number {
    return time - this.#allSince >= settledMs ? time - promptMs : this.#floor;
  }

  /** For how long everything but STS has worked. */
  allFor(time: number): number {
    return time - this.#allSince;
  }

  /** For how long STS has worked. */
  issuersFor(time: number): number {
    return time - this.#issuersSince;
  }

  /** For how long everything has worked. */
  issuingFor(time: number): number {
    return time - this.#issuingSince;
  }

  /**
   * For how long STS and all servers but one have worked, whatever that one did. Agents that followed
   * it have left it.
   */
  servedFor(time: number): number {
    if (time - this.#pairsChangedAt < this.leftMs) return -Infinity;
    const latestFirst = [...this.#pairSince.values()].toSorted((a, b) => b - a);
    return time - Math.max(this.#issuersSince, latestFirst[1] ?? latestFirst[0]!);
  }
}

function since(works: boolean, before: number, time: number): number {
  return works ? Math.min(before, time) : Infinity;
}
