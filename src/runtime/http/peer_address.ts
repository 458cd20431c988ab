/**
 * The form in which addresses are compared: no IPv4-mapped prefix, no zone. Who an address belongs
 * to is decided elsewhere.
 */
import { isIPv4 } from "node:net";

const mapped = "::ffff:";

/**
 * A socket's address as pods' addresses are written: `::ffff:10.0.0.7` becomes `10.0.0.7`,
 * `fe80::1%eth0` becomes `fe80::1`. Undefined where the socket is gone and has none.
 */
export function peerAddress(raw: string | undefined): string | undefined {
  if (raw === undefined || raw === "") return undefined;
  const zone = raw.indexOf("%");
  const plain = zone < 0 ? raw : raw.slice(0, zone);
  if (!plain.startsWith(mapped)) return plain;
  const v4 = plain.slice(mapped.length);
  return isIPv4(v4) ? v4 : plain;
}
