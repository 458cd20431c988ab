/**
 * A network namespace's own addresses, from `net/fib_trie` (IPv4: leaves with a `/32 host LOCAL`
 * route) and `net/if_inet6` (one address a line, scope in the fourth field). They suggest where to
 * look for a connection first; they prove nothing, as a pod may give itself any address.
 */
import { addressKey } from "./socket_table.ts";

const global = new Set(["00", "40", "80"]);

/** As `addressKey` writes them; without loopback and link-local addresses, which many have. */
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
