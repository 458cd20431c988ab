/**
 * Which pod is behind a TCP connection, from the socket tables of the node's pods: a pod's own
 * connection is in the table of its own network namespace, and in no other pod's. Needs nothing but
 * the host's `/proc`, mounted read-only: no capability, no PID namespace, no socket of the runtime.
 *
 * | attack or case | rule |
 * |---|---|
 * | a neighbour uses the victim's address: raw TCP, ARP spoofing | a row in the pod's own table is required; raw packets have none |
 * | a neighbour's kernel socket has the victim's address (IP_TRANSPARENT, an added address) | the row is in the neighbour's table, so the connection is the neighbour's |
 * | a neighbour has rows with the victim's ends, made beforehand | the namespace that has the address is read first, that of the pod that the API shows there before any other; a match there decides. One in another pod's counts if, once processes and addresses are read again, no other pod has the address |
 * | a victim's idle connection is reset, and its address and port are used again | a socket proves one accepted connection (`used_sockets.ts`); connections with the same ends are proven one after another |
 * | a connection without a socket is kept open until the victim connects from its address and port | a connection is looked for once, and a table that was read without its socket isn't searched for it again |
 * | the victim's connection isn't proven, as it couldn't be looked for or several match; is reset, and its address and port are used again | the next read of each table that it may be in uses up the socket with its end (`used_sockets.ts`) |
 * | connections from the victim's end that can't be looked for, so that the victim's own are refused | that read refuses one connection at most; none if the table was read before, or the victim's pod started later |
 * | the same across a restart or a handover | sockets open before the start prove nothing; agents exchange what they have used |
 * | rows forged in a nested network namespace | a pod's namespace is that of its oldest process (`process_table.ts`) |
 * | a process joins another pod's namespace | the namespace stays with the pod that has its oldest process there; with neither if both do |
 * | a cgroup named after another pod, below one's own | the first pod in the path counts, where the kubelet puts pods (`pod_cgroup.ts`) |
 * | a PID is used again between two reads | the process is identified before and after each read (`table_reader.ts`) |
 * | the node's processes and host-network pods | the namespace of PID 1 is no pod's |
 * | a socket that is closing or has no process | states 01, 04 and 05 only, and an inode other than 0 (`socket_table.ts`) |
 * | an address that no API shows (egress, IPv6 to IPv4) | `fib_trie` and `if_inet6` find it; else every namespace is read, and exactly one must match |
 * | a dual-stack client | `tcp6`, IPv4-mapped |
 * | nested containers that the pod translates | the reply tuple in the pod's `nf_conntrack` (`conntrack.ts`) |
 * | redirected, direct, and by a load balancer at connect() | the remote end is the metadata address if the connection arrived where the redirect leads, or else where it arrived |
 * | connecting in a tight loop, missing on purpose | one read for all that wait; budgets (`read_scheduler.ts`); sweeps are limited per address |
 *
 * Not covered: a neighbour on the path of the victim's own packets, as HTTP is in the clear. Where the
 * agent's port can also be reached without the redirect (`--direct`), such a neighbour can also begin a
 * connection to it from the victim's address and port: NAT then gives the victim's connection another
 * port, and its socket proves the neighbour's.
 */
import type { ConnectionEnds } from "../net/http_messages.ts";
import type { ProcFiles } from "../runtime/runtime.ts";
import type { Clock } from "../time/clock.ts";
import { ConnectionSearch } from "./connection_search.ts";
import { PodCgroups } from "./pod_cgroup.ts";
import { ProcessTable, startTime } from "./process_table.ts";
import { ReadScheduler } from "./read_scheduler.ts";
import { Moments } from "./shared_read.ts";
import { type End, endKey } from "./socket_table.ts";
import { TableReader } from "./table_reader.ts";
import { type SavedSockets, UsedSockets } from "./used_sockets.ts";

/** `pod`: a UID, or a static pod's config hash. */
export type Proof =
  | { readonly kind: "proven"; readonly pod: string }
  /** `no_socket`: no pod has the connection, or several do; `limited`: the peer misses too often. */
  | { readonly kind: "unproven"; readonly reason: "no_socket" | "unreadable" | "limited" };

export interface KernelIdentityOptions {
  readonly files: ProcFiles;
  readonly clock: Clock;
  /** The processor time of this process so far, in milliseconds. */
  readonly cpuMs: () => number;
  /** `self/cgroup` and `self/stat` of this process in the same procfs. */
  readonly own: { readonly cgroup: string; readonly stat: string };
  /** Where pods send their requests. */
  readonly metadata: readonly End[];
  /** Where this agent listens, as far as known; more are added as connections arrive. */
  readonly listening: readonly End[];
  /** The local addresses that the redirect leads to; null if it may be any. */
  readonly redirectedTo: ReadonlySet<string> | null;
  /** Called when there are used sockets to save. */
  readonly usedChanged: () => void;
}

interface KernelStatus {
  /** Pods with a network namespace of their own. */
  readonly pods: number;
  /** Why the processes couldn't be read, in one line; null if they could. */
  readonly problem: string | null;
}

export class KernelIdentity {
  readonly #options: KernelIdentityOptions;
  readonly #moments = new Moments();
  readonly #scheduler: ReadScheduler;
  readonly #processes: ProcessTable;
  readonly #tables: TableReader;
  readonly #used: UsedSockets;
  readonly #search: ConnectionSearch;
  /** By the pod's end of the connection: the next one with the same end waits for its turn. */
  readonly #inProgress = new Map<string, Promise<Proof>>();

  constructor(options: KernelIdentityOptions) {
    const { files, clock, cpuMs, own, usedChanged, metadata, listening } = options;
    this.#options = options;
    this.#scheduler = new ReadScheduler(clock, cpuMs);
    const shared = { files, clock, scheduler: this.#scheduler, moments: this.#moments };
    this.#processes = new ProcessTable({ ...shared, cgroups: new PodCgroups(own.cgroup) });
    this.#used = new UsedSockets(usedChanged);
    this.#tables = new TableReader({ ...shared, processes: this.#processes, used: this.#used });
    for (const end of [...metadata, ...listening]) this.#tables.addRemote(end);
    this.#search = new ConnectionSearch({
      clock,
      moments: this.#moments,
      processes: this.#processes,
      tables: this.#tables,
      used: this.#used,
      startedAt: startTime(own.stat),
    });
  }

  /** To be called before listening: sockets that are open now prove nothing later. */
  async prepare(): Promise<void> {
    await this.#processes.refreshed(this.#moments.next());
    await this.#search.useUpAll();
    this.#scheduler.limit();
  }

  status(): KernelStatus {
    return { pods: this.#processes.namespaces.length, problem: this.#processes.problem };
  }

  /** Whether the pod has a process on this node, as of the last look; see `refresh`. */
  runs(pod: string): boolean {
    return this.#processes.has(pod);
  }

  /** Looks for new processes. */
  refresh(): Promise<void> {
    return this.#processes.refreshed(this.#moments.next());
  }

  /** How many pods have a process with the capability, by its number (capability.h). */
  podsWith(capability: number): Promise<number> {
    return this.#processes.podsWith(capability);
  }

  /** Sockets that another agent on this node has used, or this one in an earlier life. */
  load(saved: SavedSockets): void {
    for (const [table, sockets] of Object.entries(saved)) this.#used.add(table, sockets);
  }

  save(): SavedSockets {
    return this.#used.save();
  }

  /**
   * The pod behind an accepted connection. Call it once per connection, as soon as it is accepted
   * and even if it is closed at once: its socket is used up by it. `expected` is the pod that the
   * API shows at the address; it only decides where to look first. Never rejects.
   */
  prove(connection: ConnectionEnds, expected?: string): Promise<Proof> {
    const key = endKey({ address: connection.peer, port: connection.peerPort });
    const before = this.#inProgress.get(key);
    const proof = (before ?? Promise.resolve())
      .then(() => this.#prove(key, connection, expected))
      .catch((): Proof => ({ kind: "unproven", reason: "unreadable" }));
    this.#inProgress.set(key, proof);
    return proof.finally(() => {
      if (this.#inProgress.get(key) === proof) this.#inProgress.delete(key);
    });
  }

  async #prove(key: string, connection: ConnectionEnds, expected?: string): Promise<Proof> {
    const { peer, local, localPort } = connection;
    if (peer === local) return { kind: "unproven", reason: "no_socket" };
    if (local !== "") this.#tables.addRemote({ address: local, port: localPort });
    const found = await this.#search.find({
      connection,
      key,
      remotes: this.#remotes(connection),
      expected,
    });
    if (found.kind === "found") return { kind: "proven", pod: found.pod };
    return { kind: "unproven", reason: found.kind };
  }

  /**
   * The remote ends that the pod's socket may show for this connection. A client that has gone
   * already leaves no local end; its socket may be any that leads here.
   */
  #remotes({ local, localPort }: ConnectionEnds): ReadonlySet<string> {
    const { metadata, listening, redirectedTo } = this.#options;
    if (local === "") return new Set([...metadata, ...listening].map(endKey));
    const own = endKey({ address: local, port: localPort });
    const isRedirected = redirectedTo === null || redirectedTo.has(local);
    return new Set([own, ...isRedirected ? metadata.map(endKey) : []]);
  }
}
