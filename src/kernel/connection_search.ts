/**
 * Looks for an accepted connection in the pods' socket tables: first in the namespace that has the
 * peer's address, then in all of them, where exactly one must have it. If that finds nothing, it
 * reads the processes again and searches once more.
 */
import { LRUCache } from "lru-cache";
import type { ConnectionEnds } from "../net/http_messages.ts";
import type { Clock } from "../time/clock.ts";
import type { PodNamespace, ProcessTable } from "./process_table.ts";
import { Budget } from "./read_scheduler.ts";
import type { Moments } from "./shared_read.ts";
import { addressKey } from "./socket_table.ts";
import { type Source, tableKey, type TableReader } from "./table_reader.ts";
import type { UsedSockets } from "./used_sockets.ts";

interface Wanted {
  readonly connection: ConnectionEnds;
  /** `endKey` of the pod's end. */
  readonly key: string;
  /** `endKey` of the remote ends that the pod's socket may show. */
  readonly remotes: ReadonlySet<string>;
  /** The pod that the API shows at the address. */
  readonly expected: string | undefined;
}

/**
 * `read`: the tables that have been read without a match. A socket has been there since before its
 * connection was accepted, so one that shows up later is another connection's.
 */
interface Search extends Wanted {
  readonly read: Set<string>;
  /** A table couldn't be read: its process had ended, or couldn't be identified. */
  hasGaps: boolean;
}

/** `limited`: the peer has missed too often, and the namespaces weren't all read. */
type Found =
  | { readonly kind: "found"; readonly pod: string }
  | { readonly kind: "no_socket" | "unreadable" | "limited" };

interface ConnectionSearchOptions {
  readonly clock: Clock;
  readonly moments: Moments;
  readonly processes: ProcessTable;
  readonly tables: TableReader;
  readonly used: UsedSockets;
  /** When this agent started, in clock ticks since the boot. */
  readonly startedAt: number;
}

type Match =
  | { readonly kind: "match"; readonly pod: string; readonly table: string; readonly inode: string }
  | { readonly kind: "none" | "unreadable" };

/** A sixth of a core for sweeps, which read all namespaces. */
const sweepShare = { perSecond: 150, burst: 1500 };
/** Two sweeps for one address, and one more every two seconds. */
const sweepsOfAddress = { perSecond: 0.5, burst: 2 };
const maxAddresses = 4096;

export class ConnectionSearch {
  readonly #options: ConnectionSearchOptions;
  readonly #sweepBudget: Budget;
  readonly #sweeps = new LRUCache<string, Budget>({ max: maxAddresses });
  /** Namespaces that are older than this agent and whose open sockets have been used up. */
  readonly #usedUp = new Set<number>();

  constructor(options: ConnectionSearchOptions) {
    this.#options = options;
    this.#sweepBudget = new Budget(sweepShare, options.clock);
  }

  /** The pod that has the connection. Finding it uses up the socket; call it once per connection. */
  async find(wanted: Wanted): Promise<Found> {
    const { moments, processes, used } = this.#options;
    const read = new Set<string>();
    const search = { ...wanted, read, hasGaps: false };
    const maySweep = once(() => this.#maySweepFor(wanted.connection.peer));
    const begunAt = moments.next();
    const first = await this.#attempt(search, begunAt, maySweep);
    if (first.kind === "found") return first;
    const moment = moments.next();
    await processes.refreshed(moment);
    const second = await this.#attempt(search, moment, maySweep);
    if (second.kind === "found") return second;
    // If all tables were read, that leaves namespaces whose processes hadn't been.
    const isOver = second.kind === "no_socket" && this.#hasReadAll(search);
    used.addMissed(
      wanted.key,
      isOver
        ? { begunAt, endedAt: begunAt, read: new Set() }
        : { begunAt, endedAt: moments.next(), read },
    );
    return second;
  }

  /** No table has the socket: each that there was has been read without a match. */
  #hasReadAll({ connection: { peer }, read, hasGaps }: Search): boolean {
    return !hasGaps &&
      this.#options.processes.namespaces.every((namespace) =>
        this.#sourcesIn(namespace, peer).every((source) =>
          read.has(tableKey(namespace.inode, source))
        )
      );
  }

  /** Uses up every socket that is open now. */
  async useUpAll(): Promise<void> {
    const { namespaces } = this.#options.processes;
    await Promise.all(namespaces.map((namespace) => this.#useUp(namespace)));
  }

  async #attempt(wanted: Search, moment: number, maySweep: () => boolean): Promise<Found> {
    const { processes } = this.#options;
    const owner = this.#owner(wanted);
    const first = owner && await this.#match(wanted, owner, moment);
    if (first?.kind === "match" && first.pod === wanted.expected) return this.#use(first);
    await processes.refreshed(moment);
    this.#retain(processes.namespaces);
    // Another pod may have the address as well: one that has just started, or added it.
    const known = this.#owner(wanted);
    if (known === undefined || known.pod !== wanted.expected) {
      await processes.addressesRefreshed(moment);
    }
    if (processes.problem !== null) return { kind: "unreadable" };
    const next = this.#owner(wanted);
    const isOther = next?.process !== owner?.process;
    const second = isOther ? next && await this.#match(wanted, next, moment) : first;
    if (second?.kind === "match") return this.#use(second);
    if (maySweep()) return await this.#sweep(wanted, moment);
    return { kind: second?.kind === "none" ? "no_socket" : "limited" };
  }

  /** The namespace to read first: the one that has the address, or of several the expected pod's. */
  #owner({ connection, expected }: Wanted): PodNamespace | undefined {
    const candidates = this.#options.processes.at(addressKey(connection.peer));
    const [only, ...others] = candidates;
    return others.length === 0 ? only : candidates.find(({ pod }) => pod === expected);
  }

  /** Reads all namespaces; a second one that matches means that a row was forged. */
  async #sweep(wanted: Search, moment: number): Promise<Found> {
    const { namespaces } = this.#options.processes;
    const matches = await Promise.all(
      namespaces.map((namespace) => this.#match(wanted, namespace, moment, this.#sweepBudget)),
    );
    if (matches.some(({ kind }) => kind === "unreadable")) return { kind: "unreadable" };
    const [only, ...others] = matches.filter((match) => match.kind === "match");
    return only && others.length === 0 ? this.#use(only) : { kind: "no_socket" };
  }

  async #match(
    search: Search,
    namespace: PodNamespace,
    moment: number,
    sweep?: Budget,
  ): Promise<Match> {
    const { tables, used, startedAt } = this.#options;
    const { connection, key, remotes } = search;
    const isOld = namespace.process.startedAt <= startedAt;
    if (isOld && !this.#usedUp.has(namespace.inode)) await this.#useUp(namespace);
    for (const source of this.#sourcesIn(namespace, connection.peer)) {
      const table = tableKey(namespace.inode, source);
      if (search.read.has(table)) continue;
      const read = await tables.after(moment, namespace, source, sweep);
      if (read === "unreadable") return { kind: read };
      if (read === "gone" || read.pod !== namespace.pod) {
        search.hasGaps = true;
        return { kind: "none" };
      }
      const row = read.rows.find(({ local, remote, inode }) =>
        local === key && remotes.has(remote) && !used.has(table, inode)
      );
      if (row !== undefined) return { kind: "match", pod: read.pod, table, inode: row.inode };
      search.read.add(table);
    }
    return { kind: "none" };
  }

  /** Translated connections are those of the pod that has the address; sweeps don't look for them. */
  #sourcesIn(namespace: PodNamespace, peer: string): readonly Source[] {
    const hasAddress = this.#options.processes.at(addressKey(peer)).includes(namespace);
    return allSources.filter((source) => {
      if (source === "tcp") return !peer.includes(":");
      return source === "tcp6" || hasAddress;
    });
  }

  #use({ pod, table, inode }: Extract<Match, { kind: "match" }>): Found {
    this.#options.used.add(table, [inode]);
    return { kind: "found", pod };
  }

  async #useUp(namespace: PodNamespace): Promise<void> {
    const { moments, tables, used } = this.#options;
    const moment = moments.next();
    for (const source of allSources) {
      const read = await tables.after(moment, namespace, source);
      if (typeof read === "string") return;
      used.add(tableKey(namespace.inode, source), read.rows.map(({ inode }) => inode));
    }
    this.#usedUp.add(namespace.inode);
  }

  #retain(namespaces: readonly PodNamespace[]): void {
    this.#options.tables.retain(namespaces);
    const inodes = new Set(namespaces.map(({ inode }) => inode));
    for (const inode of this.#usedUp) if (!inodes.has(inode)) this.#usedUp.delete(inode);
  }

  #maySweepFor(peer: string): boolean {
    const budget = this.#sweeps.get(peer) ?? new Budget(sweepsOfAddress, this.#options.clock);
    this.#sweeps.set(peer, budget);
    if (budget.readyInMs() > 0) return false;
    budget.spend(1);
    return true;
  }
}

const allSources: readonly Source[] = ["tcp", "tcp6", "nf_conntrack"];

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
