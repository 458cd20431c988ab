/**
 * The node's processes by pod, and the network namespace that is each pod's own. A process stays in
 * its pod, so only new processes are read; a namespace is identified by the inode of `net/tcp`.
 */
import { localAddresses } from "./socket_table.ts";
import type { PodCgroups } from "./pod_cgroup.ts";
import type { ProcFiles } from "../runtime/runtime.ts";
import type { Clock } from "../time/clock.ts";
import { lineOf } from "./proc_fault.ts";
import { Budget, type ReadScheduler } from "./read_scheduler.ts";
import { type Moments, SharedRead } from "./shared_read.ts";

interface PodProcess {
  readonly pid: string;
  readonly pod: string;
  /** In clock ticks since the boot: with the PID, it identifies a process for good. */
  readonly startedAt: number;
  /** The inode of `net/tcp`. */
  readonly namespace: number;
}

/** A pod's own network namespace, reached through the pod's oldest process in it. */
export interface PodNamespace {
  readonly inode: number;
  readonly pod: string;
  readonly process: PodProcess;
  /** The last moment at which its process's PID was looked for and was nobody's. */
  readonly absentAt: number;
}

interface Entry {
  /** Undefined for a process that is in no pod. */
  process: PodProcess | undefined;
  readonly firstSeenAt: number;
  checkedAt: number;
}

interface Addresses {
  readonly keys: ReadonlySet<string>;
  readonly readAt: number;
}

interface ProcessTableOptions {
  readonly files: ProcFiles;
  readonly cgroups: PodCgroups;
  readonly clock: Clock;
  readonly scheduler: ReadScheduler;
  readonly moments: Moments;
}

/** A third of a core for looking for new processes. */
const share = { perSecond: 300, burst: 600 };
/** The container runtime moves a new process into its pod, and its PID may be used again later. */
const maxUncheckedMs = 10_000;
const addressesKeptMs = 1000;
const readsAtOnce = 16;

export class ProcessTable {
  readonly #options: ProcessTableOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #addresses = new Map<number, Addresses>();
  readonly #budget: Budget;
  readonly #processReads: SharedRead<void>;
  readonly #addressReads: SharedRead<void>;
  #namespaces: readonly PodNamespace[] = [];
  /** By PID: when the last list without it began. A process may be there long before it is read. */
  #absentAt: ReadonlyMap<string, number> = new Map();
  #listedAt = 0;
  #node: number | undefined;
  #problem: string | null = null;

  constructor(options: ProcessTableOptions) {
    const { clock, scheduler, moments } = options;
    this.#options = options;
    this.#budget = new Budget(share, clock);
    const shared = { scheduler, moments };
    this.#processReads = new SharedRead({
      ...shared,
      key: "processes",
      read: (begun) => this.#readProcesses(begun),
    });
    this.#addressReads = new SharedRead({
      ...shared,
      key: "addresses",
      read: () => this.#readOldAddresses(),
    });
  }

  /** Why the processes couldn't be listed last time; null if they could. */
  get problem(): string | null {
    return this.#problem;
  }

  get namespaces(): readonly PodNamespace[] {
    return this.#namespaces;
  }

  /** Whether the pod has a process, even on the node's network. */
  has(pod: string): boolean {
    return [...this.#entries.values()].some(({ process }) => process?.pod === pod);
  }

  /** The namespaces that have the address (`addressKey`) among their own. */
  at(address: string): readonly PodNamespace[] {
    return this.#namespaces.filter(({ inode }) => this.#addresses.get(inode)?.keys.has(address));
  }

  /** Reads what is new, unless a read that began after `moment` has; never rejects: see `problem`. */
  refreshed(moment: number): Promise<void> {
    return this.#processReads.after(moment, "owner", this.#budget);
  }

  /** Reads all namespaces' addresses again, likewise: a pod may add some at any time. */
  addressesRefreshed(moment: number): Promise<void> {
    return this.#addressReads.after(moment, "owner", this.#budget);
  }

  /** Whether the process still is what it was, in the same pod and namespace. */
  async isUnchanged({ pid, pod, startedAt, namespace }: PodProcess): Promise<boolean> {
    const { files, cgroups } = this.#options;
    try {
      const [cgroup, stat, inode] = await Promise.all([
        files.text(`${pid}/cgroup`),
        files.text(`${pid}/stat`),
        files.inode(`${pid}/net/tcp`),
      ]);
      return cgroups.podOf(cgroup) === pod && startTime(stat) === startedAt && inode === namespace;
    } catch {
      return false;
    }
  }

  /** How many pods have a process with the capability: `CapPrm` of proc_pid_status(5). */
  async podsWith(capability: number): Promise<number> {
    const pods = new Set<string>();
    await inParallel(this.#processes(), async ({ pid, pod }) => {
      const status = await this.#options.files.text(`${pid}/status`).catch(() => "");
      const held = /^CapPrm:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
      if ((BigInt(`0x${held}`) >> BigInt(capability)) % 2n === 1n) pods.add(pod);
    });
    return pods.size;
  }

  /** Only this PID is read again: it has another process by now, or has changed its namespace. */
  forget({ pid }: PodProcess): void {
    this.#entries.delete(pid);
  }

  async #readProcesses(begun: number): Promise<void> {
    const { files } = this.#options;
    try {
      const [node, names] = await Promise.all([files.inode("1/net/tcp"), files.list("")]);
      this.#node = node;
      const pids = names.filter((name) => /^\d+$/.test(name));
      this.#absentAt = new Map(pids.map((pid) => [pid, this.#absentAt.get(pid) ?? this.#listedAt]));
      this.#listedAt = begun;
      this.#dropAllBut(this.#absentAt);
      await inParallel(pids.filter((pid) => this.#isDue(pid)), (pid) => this.#read(pid));
      await this.#rereadChanged(sharedBy(firstProcesses(this.#processes(), node)));
      this.#setNamespaces(podNamespaces(firstProcesses(this.#processes(), node)));
      this.#dropAddresses();
      await this.#readAddresses(
        this.#namespaces.filter(({ inode }) => !this.#addresses.has(inode)),
      );
      this.#problem = null;
    } catch (fault) {
      this.#problem = lineOf(fault);
    }
  }

  #setNamespaces(namespaces: readonly Omit<PodNamespace, "absentAt">[]): void {
    const before = new Map(this.#namespaces.map((namespace) => [namespace.inode, namespace]));
    this.#namespaces = namespaces.map((namespace) => {
      const { inode, pod, process: { pid } } = namespace;
      const known = before.get(inode);
      // Its oldest process may have been replaced since.
      if (known?.pod === pod) return { ...namespace, absentAt: known.absentAt };
      // The number of a namespace that is gone is soon used again.
      this.#addresses.delete(inode);
      return { ...namespace, absentAt: this.#absentAt.get(pid) ?? 0 };
    });
  }

  #processes(): readonly PodProcess[] {
    return [...this.#entries.values()].map(({ process }) => process)
      .filter((process) => process !== undefined);
  }

  #dropAllBut(pids: ReadonlyMap<string, unknown>): void {
    for (const pid of this.#entries.keys()) if (!pids.has(pid)) this.#entries.delete(pid);
  }

  #isDue(pid: string): boolean {
    const entry = this.#entries.get(pid);
    if (entry === undefined) return true;
    // A new process may still be on its way into its pod, or into its pod's namespace.
    if (entry.process !== undefined && entry.process.namespace !== this.#node) return false;
    const sinceMs = this.#options.clock.monotonic() - entry.checkedAt;
    return sinceMs >= Math.min(maxUncheckedMs, entry.checkedAt - entry.firstSeenAt);
  }

  async #read(pid: string): Promise<void> {
    try {
      const process = await this.#process(pid);
      const checkedAt = this.#options.clock.monotonic();
      const firstSeenAt = this.#entries.get(pid)?.firstSeenAt ?? checkedAt;
      this.#entries.set(pid, { process, firstSeenAt, checkedAt });
    } catch {
      // It has exited, or is so deep in cgroups that its path has no room (ENAMETOOLONG).
      this.#entries.delete(pid);
    }
  }

  async #process(pid: string): Promise<PodProcess | undefined> {
    const { files, cgroups } = this.#options;
    const pod = cgroups.podOf(await files.text(`${pid}/cgroup`));
    if (pod === undefined) return undefined;
    const [stat, namespace] = await Promise.all([
      files.text(`${pid}/stat`),
      files.inode(`${pid}/net/tcp`),
    ]);
    return { pid, pod, startedAt: startTime(stat), namespace };
  }

  /** Where two pods claim a namespace, one may have exited and its PID and namespace been reused. */
  async #rereadChanged(processes: readonly PodProcess[]): Promise<void> {
    await inParallel(processes, async (process) => {
      if (await this.isUnchanged(process)) return;
      this.forget(process);
      await this.#read(process.pid);
    });
  }

  #dropAddresses(): void {
    const inodes = new Set(this.#namespaces.map(({ inode }) => inode));
    for (const inode of this.#addresses.keys()) {
      if (!inodes.has(inode)) this.#addresses.delete(inode);
    }
  }

  async #readOldAddresses(): Promise<void> {
    const oldest = this.#options.clock.monotonic() - addressesKeptMs;
    await this.#readAddresses(this.#namespaces.filter(({ inode }) => {
      return (this.#addresses.get(inode)?.readAt ?? -Infinity) < oldest;
    }));
  }

  async #readAddresses(namespaces: readonly PodNamespace[]): Promise<void> {
    await inParallel(namespaces, async ({ inode, process: { pid } }) => {
      const read = (name: string) => this.#options.files.text(`${pid}/net/${name}`).catch(() => "");
      const [ipv4, ipv6] = await Promise.all([read("fib_trie"), read("if_inet6")]);
      const keys = localAddresses(ipv4, ipv6);
      this.#addresses.set(inode, { keys, readAt: this.#options.clock.monotonic() });
    });
  }
}

/** Field 22 of `stat` (proc_pid_stat(5)); the second may contain spaces and parentheses. */
export function startTime(stat: string): number {
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
}

/** Each pod's oldest process outside the node's network namespace. */
function firstProcesses(processes: readonly PodProcess[], node: number): readonly PodProcess[] {
  const oldest = new Map<string, PodProcess>();
  for (const process of processes) {
    if (process.namespace === node) continue;
    const known = oldest.get(process.pod);
    if (known === undefined || isOlder(process, known)) oldest.set(process.pod, process);
  }
  return [...oldest.values()];
}

/** Those that aren't alone in their namespace. */
function sharedBy(first: readonly PodProcess[]): readonly PodProcess[] {
  const byNamespace = Map.groupBy(first, ({ namespace }) => namespace);
  return [...byNamespace.values()].filter(({ length }) => length > 1).flat();
}

/**
 * The pods' own namespaces. A pod's is that of its oldest process outside the node's: a pod may
 * create more, with any addresses in them. A namespace is owned by the pod that has its oldest
 * process there; one that two pods began in, or that no pod did, belongs to none.
 */
function podNamespaces(
  first: readonly PodProcess[],
): readonly Omit<PodNamespace, "absentAt">[] {
  const shared = new Set(sharedBy(first));
  return first.filter((process) => !shared.has(process))
    .map((process) => ({ inode: process.namespace, pod: process.pod, process }));
}

/** Within one clock tick, the lower PID. */
function isOlder(a: PodProcess, b: PodProcess): boolean {
  return a.startedAt < b.startedAt ||
    (a.startedAt === b.startedAt && Number(a.pid) < Number(b.pid));
}

async function inParallel<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  // Each takes the next item as soon as it can: on a busy node some reads take many times as long.
  const takeAll = async () => {
    for (const item of left) await run(item);
  };
  await Promise.all(Array.from({ length: readsAtOnce }, takeAll));
}
