/** The host's `/proc` in memory, in the kernel's own formats; a test moves processes and sockets. */
import ipaddr from "ipaddr.js";

/** An end as tests write it: `10.0.0.7:40000`, `[fd00::7]:40000`. */
type EndText = string;

interface FakeSocket {
  readonly local: EndText;
  readonly remote: EndText;
  /** As tcp_states.h numbers them; `01` is established. */
  state: string;
  inode: number;
  /** Whether the socket is in `tcp6`, even with IPv4 ends. */
  readonly dualStack: boolean;
}

export interface FakeNamespace {
  readonly inode: number;
  readonly addresses: Set<string>;
  readonly sockets: FakeSocket[];
  /** Lines of `nf_conntrack`; null without the module. */
  conntrack: string[] | null;
}

export interface FakeProcess {
  readonly pid: number;
  /** The text of its cgroup file. */
  cgroup: string;
  readonly startedAt: number;
  namespace: FakeNamespace;
  /** `CapPrm`, in hexadecimal. */
  capabilities?: string;
}

const nodeInode = 4026531840;
export const metadataEnd = "169.254.169.254:80";

type Take = (text: string) => void;

export class FakeProc {
  readonly node: FakeNamespace = namespaceOf([], nodeInode);
  /** New processes and namespaces get the numbers of some that are gone. */
  reusesNumbers = false;
  readonly #freePids: number[] = [];
  readonly #freeInodes: number[] = [];
  /** How often each path was read. */
  readonly reads = new Map<string, number>();
  /** Paths that can't be read, with the code of the error. */
  readonly broken = new Map<RegExp, string>();
  /** Called before each read; a test may change everything here, or wait. */
  beforeRead: (path: string) => Promise<void> | void = () => {};
  readonly #processes = new Map<number, FakeProcess>();
  #lastPid = 100;
  #lastInode = nodeInode;
  #lastSocket = 1000;
  #ticks = 1000;
  #self: number | null;

  /** PID 1 and the agent itself, in `agentPod`, on the node's network. */
  constructor(agentPod = "00000000-0000-0000-0000-0000000000aa") {
    this.start({ pid: 1, cgroup: "0::/init.scope\n", namespace: this.node });
    this.#self = this.start({ cgroup: podCgroup(agentPod), namespace: this.node }).pid;
  }

  namespace(addresses: readonly string[]): FakeNamespace {
    const free = this.reusesNumbers ? this.#freeInodes.shift() : undefined;
    return namespaceOf(addresses, free ?? (this.#lastInode += 100));
  }

  /** A process; it starts after all others unless a time is given. */
  start(
    { pid = this.#nextPid(), cgroup, namespace, startedAt = ++this.#ticks }:
      & Pick<FakeProcess, "cgroup" | "namespace">
      & Partial<FakeProcess>,
  ): FakeProcess {
    const process = { pid, cgroup, namespace, startedAt };
    this.#processes.set(pid, process);
    return process;
  }

  /** A pod with one process, in its own namespace. */
  pod(uid: string, addresses: readonly string[]): FakeProcess {
    return this.start({ cgroup: podCgroup(uid), namespace: this.namespace(addresses) });
  }

  /** A namespace ends with its last process. */
  exit({ pid }: Pick<FakeProcess, "pid">): void {
    const namespace = this.#processes.get(pid)?.namespace;
    this.#processes.delete(pid);
    this.#freePids.push(pid);
    const isOver = ![...this.#processes.values()].some((other) => other.namespace === namespace);
    if (namespace && isOver) this.#freeInodes.push(namespace.inode);
  }

  #nextPid(): number {
    return (this.reusesNumbers ? this.#freePids.shift() : undefined) ?? ++this.#lastPid;
  }

  process(pid: number): FakeProcess | undefined {
    return this.#processes.get(pid);
  }

  /** The agent isn't in this procfs. */
  hideSelf(): void {
    this.#self = null;
  }

  connect(
    namespace: FakeNamespace,
    local: EndText,
    { remote = metadataEnd, ...rest }: Partial<FakeSocket> = {},
  ): FakeSocket {
    const inode = ++this.#lastSocket;
    const socket = { local, remote, state: "01", inode, dualStack: false, ...rest };
    namespace.sockets.push(socket);
    return socket;
  }

  close(namespace: FakeNamespace, socket: FakeSocket): void {
    namespace.sockets.splice(namespace.sockets.indexOf(socket), 1);
  }

  /** How often paths that match were read. */
  count(path: RegExp): number {
    return [...this.reads].filter(([read]) => path.test(read))
      .reduce((sum, [, count]) => sum + count, 0);
  }

  async list(path: string): Promise<readonly string[]> {
    await this.#reading(path || "/");
    return [...this.#processes.keys()].map(String).concat("self", "cmdline", "net");
  }

  async link(path: string): Promise<string> {
    await this.#reading(path);
    if (path !== "self" || this.#self === null) throw missing(path);
    return String(this.#self);
  }

  async inode(path: string): Promise<number> {
    await this.#reading(path, "inode ");
    const { namespace } = this.#at(path);
    return namespace.inode;
  }

  async text(path: string): Promise<string> {
    await this.#reading(path);
    return this.content(path);
  }

  async open(path: string): Promise<{ scan: (max: number, take: Take) => Promise<void> }> {
    await this.#reading(path);
    const text = this.content(path);
    return {
      // In pieces, as they come from the kernel.
      scan(_max, take) {
        for (let at = 0; at < text.length; at += 100) take(text.slice(at, at + 100));
        return Promise.resolve();
      },
    };
  }

  async #reading(path: string, what = ""): Promise<void> {
    this.reads.set(what + path, (this.reads.get(what + path) ?? 0) + 1);
    await this.beforeRead(path);
    for (const [broken, code] of this.broken) {
      if (broken.test(path)) throw Object.assign(new Error(`${code}: ${path}`), { code });
    }
  }

  #at(path: string): FakeProcess {
    const process = this.#processes.get(Number(path.split("/")[0]));
    if (process === undefined) throw missing(path);
    return process;
  }

  /** The text of a process's file. */
  content(path: string): string {
    const process = this.#at(path);
    const file = path.slice(path.indexOf("/") + 1);
    if (file === "cgroup") return process.cgroup;
    if (file === "stat") return statOf(process);
    if (file === "status") return `Name:\ta\nCapPrm:\t${process.capabilities ?? "0"}\n`;
    return this.contentOf(process.namespace, file);
  }

  /** The text of a file below `net`, as every process in the namespace sees it. */
  contentOf(namespace: FakeNamespace, file: string): string {
    if (file === "net/tcp") return table(namespace, false);
    if (file === "net/tcp6") return table(namespace, true);
    if (file === "net/fib_trie") return fibTrie(namespace);
    if (file === "net/if_inet6") return ifInet6(namespace);
    if (file === "net/nf_conntrack" && namespace.conntrack) {
      return namespace.conntrack.map((line) => `${line}\n`).join("");
    }
    throw missing(file);
  }
}

function namespaceOf(addresses: readonly string[], inode: number): FakeNamespace {
  return { inode, addresses: new Set(addresses), sockets: [], conntrack: null };
}

function missing(path: string): Error {
  return Object.assign(new Error(`ENOENT: no such file or directory, ${path}`), { code: "ENOENT" });
}

/** As containerd names it with the cgroupfs driver, seen from the host's cgroup namespace. */
export function podCgroup(uid: string): string {
  return `0::/kubepods/besteffort/pod${uid}/${uid.replaceAll("-", "")}\n`;
}

/** A line of `nf_conntrack` for a container behind the pod's own translation. */
export function translated(inner: EndText, outer: EndText, remote = metadataEnd): string {
  const [source, sport] = split(inner);
  const [target, dport] = split(outer);
  const [far, port] = split(remote);
  const there = `src=${source} dst=${far} sport=${sport} dport=${port}`;
  const back = `src=${far} dst=${target} sport=${port} dport=${dport}`;
  return `ipv4     2 tcp      6 431999 ESTABLISHED ${there} ${back} [ASSURED] mark=0 zone=0 use=2`;
}

function split(end: EndText): readonly [address: string, port: number] {
  const at = end.lastIndexOf(":");
  return [end.slice(0, at).replace(/^\[|\]$/g, ""), Number(end.slice(at + 1))];
}

function statOf({ pid, startedAt }: FakeProcess): string {
  const before = ["S", ...new Array(18).fill("0")];
  return `${pid} (a (b) c) ${before.join(" ")} ${startedAt} 4096 0\n`;
}

function table({ sockets }: FakeNamespace, isV6: boolean): string {
  const inTable = sockets.filter(({ local, dualStack }) =>
    (dualStack || local.startsWith("[")) === isV6
  );
  const rows = inTable.map(({ local, remote, state, inode }, at) => {
    const ends = `${hexEnd(local, isV6)} ${hexEnd(remote, isV6)} ${state}`;
    return `${
      String(at).padStart(4)
    }: ${ends} 00000000:00000000 00:00000000 00000000     0        ` +
      `0 ${inode} 1 0000000000000000 20 0 0 10 -1\n`;
  });
  return `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n` +
    rows.join("");
}

function hexEnd(end: EndText, isV6: boolean): string {
  const [address, port] = split(end);
  const parsed = ipaddr.parse(address);
  const bytes = isV6 && parsed instanceof ipaddr.IPv4
    ? parsed.toIPv4MappedAddress().toByteArray()
    : parsed.toByteArray();
  const words = Array.from(
    { length: bytes.length / 4 },
    (_, word) =>
      bytes.slice(word * 4, word * 4 + 4).reverse().map((byte) =>
        byte.toString(16).padStart(2, "0")
      ).join(""),
  );
  return `${words.join("")}:${port.toString(16).padStart(4, "0")}`.toUpperCase();
}

function fibTrie({ addresses }: FakeNamespace): string {
  const leaves = ["127.0.0.1", ...addresses].filter((address) => !address.includes(":"))
    .map((address) => `     |-- ${address}\n        /32 host LOCAL\n`);
  return `Main:\n  +-- 0.0.0.0/0 3 0 5\n${leaves.join("")}`;
}

function ifInet6({ addresses }: FakeNamespace): string {
  return [...addresses].filter((address) => address.includes(":")).map((address) => {
    const bytes = ipaddr.parse(address).toByteArray();
    const hex = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return `${hex} 02 40 00 80     eth0\n`;
  }).join("");
}
