/**
 * Sockets that prove nothing any more. A row alone is no proof: an attacker who has reset a victim's
 * idle connection can connect from the same address and port while the victim's socket still shows
 * as established. So each socket (its inode) proves one accepted connection, and sockets that were
 * open before this agent started prove none: another agent has accepted them.
 */

/** By table, `NAMESPACE/tcp`: the inodes, or ends of a translated connection. */
export type SavedSockets = Readonly<Record<string, readonly string[]>>;

export class UsedSockets {
  readonly #byTable = new Map<string, Set<string>>();
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

  /** Forgets sockets that a read of the table no longer shows: an inode isn't soon used again. */
  retain(table: string, open: ReadonlySet<string>): void {
    const used = this.#byTable.get(table);
    if (used === undefined) return;
    for (const socket of used) if (!open.has(socket)) used.delete(socket);
    if (used.size === 0) this.#byTable.delete(table);
  }

  save(): SavedSockets {
    return Object.fromEntries([...this.#byTable].map(([table, used]) => [table, [...used]]));
  }
}
