/**
 * `/proc/PID/net/tcp` and `tcp6` (proc_pid_net(5); `get_tcp4_sock` in net/ipv4/tcp_ipv4.c): the rows
 * of open connections to this agent. Addresses are in hexadecimal, as 32-bit words in the byte order
 * of the machine; the row of 10.0.0.7:40000 begins with `0700000A:9C40`. Beside them are the
 * namespace's own addresses, in `fib_trie` and `if_inet6`.
 */
import { addressBytes } from "../net/ip_address.ts";

export type TableName = "tcp" | "tcp6";

/** One end of a connection. */
export interface End {
  readonly address: string;
  readonly port: number;
}

/** A connection to this agent from a pod's side, both ends in the form of `endKey`. */
export interface SocketRow {
  readonly local: string;
  readonly remote: string;
  readonly inode: string;
}

/** An end in the one form that is compared; IPv4-mapped addresses become IPv4. */
export function endKey({ address, port }: End): string {
  return `${addressKey(address)}:${port}`;
}

/** An address in lower-case hexadecimal, network byte order, as `if_inet6` writes IPv6 ones. */
export function addressKey(address: string): string {
  return hex(addressBytes(address));
}

/** ESTABLISHED, and FIN_WAIT1 and 2 of a client that has sent all it wants to (tcp_states.h). */
const openStates = new Set(["01", "04", "05"]);

/** Collects the rows of connections to any of `remotes`, from a table's text in pieces. */
export class RowCollector {
  readonly rows: SocketRow[] = [];
  readonly #remotes: readonly string[];
  #partial = "";

  constructor(table: TableName, remotes: Iterable<End>) {
    const ends = [...remotes].filter(({ address }) => table === "tcp6" || !address.includes(":"));
    this.#remotes = ends.map((end) => tableEnd(end, table));
  }

  push(text: string): void {
    const all = this.#partial + text;
    const end = all.lastIndexOf("\n") + 1;
    this.#partial = all.slice(end);
    for (const remote of this.#remotes) this.#collect(all.slice(0, end), remote);
  }

  /** A table may have 100,000 rows of other connections, so it is searched rather than split. */
  #collect(text: string, remote: string): void {
    const field = ` ${remote} `;
    for (let at = text.indexOf(field); at >= 0; at = text.indexOf(field, at + 1)) {
      const line = text.slice(text.lastIndexOf("\n", at) + 1, text.indexOf("\n", at));
      const [, local = "", far, state = "", , , , , , inode = "0"] = line.trim().split(/\s+/);
      // A socket without a process (inode 0) is on its way out and proves nothing.
      if (far !== remote || !openStates.has(state) || inode === "0") continue;
      this.rows.push({ local: keyOf(local), remote: keyOf(far), inode });
    }
  }
}

/** As the table writes an end; IPv4 in `tcp6` is IPv4-mapped. */
function tableEnd({ address, port }: End, table: TableName): string {
  const bytes = addressBytes(address);
  const mapped = table === "tcp6" && bytes.length === 4 ? [...ipv4Prefix, ...bytes] : bytes;
  return `${hex(byWords(mapped))}:${port.toString(16).padStart(4, "0")}`.toUpperCase();
}

/** `endKey` of an end as a table writes it. */
function keyOf(text: string): string {
  const [address = "", port = ""] = text.split(":");
  const bytes = byWords(address.match(/../g)?.map((byte) => parseInt(byte, 16)) ?? []);
  const isMapped = bytes.length === 16 && ipv4Prefix.every((byte, at) => bytes[at] === byte);
  return `${hex(isMapped ? bytes.slice(12) : bytes)}:${parseInt(port, 16)}`;
}

const ipv4Prefix = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255];
const isLittleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** From network byte order to the machine's 32-bit words, or back. */
function byWords(bytes: readonly number[]): readonly number[] {
  if (!isLittleEndian) return bytes;
  return bytes.map((_, at) => bytes[at - at % 4 + 3 - at % 4]!);
}

function hex(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The scopes of addresses that are neither loopback nor link-local. */
const global = new Set(["00", "40", "80"]);

/**
 * A network namespace's own addresses, from `net/fib_trie` (IPv4: leaves with a `/32 host LOCAL`
 * route) and `net/if_inet6` (one address a line, scope in the fourth field), in the form of
 * `addressKey`; without loopback and link-local addresses, which many have. They suggest where to
 * look for a connection first; they prove nothing, as a pod may give itself any address.
 */
export function localAddresses(fibTrie: string, ifInet6: string): ReadonlySet<string> {
  const ipv4 = fibTrie.split("|-- ").slice(1)
    .filter((leaf) => leaf.includes("/32 host LOCAL"))
    .map((leaf) => leaf.slice(0, leaf.search(/\s/)))
    .filter((address) => !address.startsWith("127.") && /^[\d.]+$/.test(address))
    .map(addressKey);
  const ipv6 = ifInet6.split("\n").map((line) => line.split(/\s+/))
    .filter(([address, , , scope]) => address !== "" && global.has(scope ?? ""))
    .map(([address]) => address!);
  return new Set([...ipv4, ...ipv6]);
}
