/**
 * The connections to this agent in the pods' socket tables. A read is shared by all connections that
 * were accepted before it began, and paid for by the namespace that is read, or by all sweeps.
 */
import { TupleCollector } from "./conntrack.ts";
import type { ProcFile, ProcFiles } from "../runtime/runtime.ts";
import type { Clock } from "../time/clock.ts";
import { isGone } from "./proc_fault.ts";
import type { PodNamespace, ProcessTable } from "./process_table.ts";
import { Budget, type Priority, type ReadScheduler } from "./read_scheduler.ts";
import { type Moments, SharedRead } from "./shared_read.ts";
import { type End, endKey, RowCollector, type SocketRow, type TableName } from "./socket_table.ts";
import type { UsedSockets } from "./used_sockets.ts";

export type Source = TableName | "nf_conntrack";

/** `gone`: the pod's process has exited; `unreadable`: the kernel refused the read. */
type TableRead = PodRows | "gone" | "unreadable";

interface PodRows {
  /** The pod whose namespace it was when it was read. */
  readonly pod: string;
  readonly rows: readonly SocketRow[];
}

interface TableReaderOptions {
  readonly files: ProcFiles;
  readonly clock: Clock;
  readonly processes: ProcessTable;
  readonly scheduler: ReadScheduler;
  readonly moments: Moments;
  readonly used: UsedSockets;
}

/** A tenth of a core for one namespace, however fast its pod connects. */
const namespaceShare = { perSecond: 100, burst: 200 };
/** 200,000 rows of 150 bytes. */
const maxTableBytes = 32 << 20;

interface Namespace {
  readonly budget: Budget;
  readonly reads: Map<Source, SharedRead<TableRead>>;
}

export class TableReader {
  readonly #options: TableReaderOptions;
  readonly #namespaces = new Map<number, Namespace>();
  /** The remote ends that count: the metadata addresses, and where connections arrived. */
  readonly #remotes = new Map<string, End>();

  constructor(options: TableReaderOptions) {
    this.#options = options;
  }

  /** From the next read on, rows with this remote end are found. */
  addRemote(end: End): void {
    this.#remotes.set(endKey(end), end);
  }

  /** A read of the namespace's table that began after `moment`; `sweep` pays for one of a sweep. */
  after(
    moment: number,
    namespace: PodNamespace,
    source: Source,
    sweep?: Budget,
  ): Promise<TableRead> {
    const { budget, reads } = this.#namespace(namespace.inode);
    const shared = reads.get(source) ?? this.#open(namespace, source);
    reads.set(source, shared);
    const priority: Priority = sweep === undefined ? "owner" : "sweep";
    return shared.after(moment, priority, sweep ?? budget);
  }

  /** Forgets namespaces that are gone, or that are reached through another process by now. */
  retain(namespaces: readonly PodNamespace[]): void {
    const inodes = new Set(namespaces.map(({ inode }) => inode));
    for (const inode of this.#namespaces.keys()) {
      if (!inodes.has(inode)) this.#namespaces.delete(inode);
    }
  }

  #namespace(inode: number): Namespace {
    const known = this.#namespaces.get(inode);
    if (known !== undefined) return known;
    const opened = { budget: new Budget(namespaceShare, this.#options.clock), reads: new Map() };
    this.#namespaces.set(inode, opened);
    return opened;
  }

  #open({ inode }: PodNamespace, source: Source): SharedRead<TableRead> {
    const { scheduler, moments, processes, used } = this.#options;
    const key = tableKey(inode, source);
    let lastReadAt = 0;
    const read = async (begun: number) => {
      const namespace = processes.namespaces.find((other) => other.inode === inode);
      if (namespace === undefined) return "gone";
      const rows = await this.#attested(namespace, source);
      if (typeof rows === "string") return rows;
      used.shown({ table: key, rows, absentAt: namespace.absentAt, lastReadAt });
      lastReadAt = begun;
      return { pod: namespace.pod, rows };
    };
    return new SharedRead({ key, scheduler, moments, read });
  }

  /**
   * The process was identified before, when it was listed, and is once more when the file is open, so
   * that a reused PID can't mislead. That goes on while the file is read, as each of these steps waits
   * for the processor on a busy node.
   */
  async #attested(
    { process }: PodNamespace,
    source: Source,
  ): Promise<readonly SocketRow[] | "gone" | "unreadable"> {
    const { files, processes } = this.#options;
    const isTable = source !== "nf_conntrack";
    let rows: readonly SocketRow[] = [];
    let isUnchanged = false;
    try {
      // Without the module there is no such file, and in a user namespace it isn't ours to read.
      const unlessTable = (fault: unknown) => isTable ? Promise.reject(fault) : null;
      const file = await files.open(`${process.pid}/net/${source}`).catch(unlessTable);
      const reading = file && this.#rows(file, source).catch(unlessTable);
      const [read, same] = await Promise.all([reading, processes.isUnchanged(process)]);
      rows = read ?? [];
      isUnchanged = same;
    } catch (fault) {
      if (!isGone(fault)) return "unreadable";
    }
    if (isUnchanged) return rows;
    processes.forget(process);
    return "gone";
  }

  async #rows(file: ProcFile, source: Source): Promise<readonly SocketRow[]> {
    const collector = source === "nf_conntrack"
      ? new TupleCollector()
      : new RowCollector(source, this.#remotes.values());
    await file.scan(maxTableBytes, (text) => collector.push(text));
    return collector.rows.filter(({ remote }) => this.#remotes.has(remote));
  }
}

export function tableKey(inode: number, source: Source): string {
  return `${inode}/${source}`;
}
