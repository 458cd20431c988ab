/**
 * Sockets that prove nothing any more. A row alone is no proof: an attacker who has reset a victim's
 * idle connection can connect from the same address and port while the victim's socket still shows
 * as established. So each socket (its inode) proves one accepted connection, and sockets that were
 * open before this agent started prove none: another agent has accepted them. A connection that
 * wasn't proven may own one too, in a table that it wasn't looked for in, or in one of several that
 * matched: the next read of each such table uses that up.
 */
import { LRUCache } from "lru-cache";
import type { SocketRow } from "./socket_table.ts";

/** By table, `NAMESPACE/tcp`: the inodes, or ends of a translated connection. */
export type SavedSockets = Readonly<Record<string, readonly string[]>>;

/** A search without a result; times are `Moments`. */
interface Missed {
  readonly begunAt: number;
  /** A table that has been read since can't have the socket, or has had it used up. */
  readonly endedAt: number;
  /** The tables that it read itself, without a match. */
  readonly read: ReadonlySet<string>;
}

/** A table as it was read. */
interface ShownTable {
  readonly table: string;
  readonly rows: readonly SocketRow[];
  /** The last moment at which the namespace was looked for and wasn't there. */
  readonly absentAt: number;
  /** When the table's last read before this one began. */
  readonly lastReadAt: number;
}

/** Searches, and the tables that they have read: a few megabytes. */
const maxRemembered = 16_384;
const maxAddresses = 4096;

export class UsedSockets {
  readonly #byTable = new Map<string, Set<string>>();
  /** By the pod's end of the connection. */
  readonly #missed = new LRUCache<string, Missed>({
    maxSize: maxRemembered,
    sizeCalculation: ({ read }) => 1 + read.size,
    dispose: ({ endedAt }, end, reason) => {
      if (reason === "evict") this.#forgotten.set(addressOf(end), endedAt);
    },
  });
  /**
   * By address: when the last search ended that is no longer remembered. It may have been for any end
   * with that address, but for no other: a pod that misses on purpose has no other pod refused.
   */
  readonly #forgotten = new LRUCache<string, number>({
    max: maxAddresses,
    dispose: (endedAt, _address, reason) => {
      if (reason === "evict") this.#allForgottenAt = Math.max(this.#allForgottenAt, endedAt);
    },
  });
  #allForgottenAt = 0;
  readonly #changed: () => void;

  /** `changed` is called when there is something new to save. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  has(table: string, socket: string): boolean {
    return this.#byTable.get(table)?.has(socket) ?? false;
  }

  add(table: string, sockets: readonly string[]): void {
    const used = this.#byTable.get(table) ?? new Set();
    const before = used.size;
    for (const socket of sockets) used.add(socket);
    if (used.size === before) return;
    this.#byTable.set(table, used);
    this.#changed();
  }

  /** A search found no socket with this end; it may be in any table that the search didn't read. */
  addMissed(end: string, search: Missed): void {
    this.#missed.set(end, search);
  }

  /** Uses up sockets that may belong to connections which weren't searched for in this table. */
  shown(shown: ShownTable): void {
    const { table, rows } = shown;
    this.#retain(table, new Set(rows.map(({ inode }) => inode)));
    const owned = rows.filter(({ local }) => this.#mayBeOwned(local, shown));
    this.add(table, owned.map(({ inode }) => inode));
  }

  #mayBeOwned(end: string, { table, absentAt, lastReadAt }: ShownTable): boolean {
    const forgottenAt = Math.max(
      this.#allForgottenAt,
      this.#forgotten.peek(addressOf(end)) ?? 0,
    );
    if (absentAt < forgottenAt && lastReadAt < forgottenAt) return true;
    const search = this.#missed.peek(end);
    if (search === undefined || search.read.has(table)) return false;
    return absentAt < search.begunAt && lastReadAt < search.endedAt;
  }

  /** Forgets sockets that a read of the table no longer shows: an inode isn't soon used again. */
  #retain(table: string, open: ReadonlySet<string>): void {
    const used = this.#byTable.get(table);
    if (used === undefined) return;
    for (const socket of used) if (!open.has(socket)) used.delete(socket);
    if (used.size === 0) this.#byTable.delete(table);
  }

  save(): SavedSockets {
    return Object.fromEntries([...this.#byTable].map(([table, used]) => [table, [...used]]));
  }
}

/** Of an `endKey`. */
function addressOf(end: string): string {
  return end.slice(0, end.lastIndexOf(":"));
}
