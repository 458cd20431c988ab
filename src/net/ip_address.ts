/** The one spelling of an IP address by which pods are looked up; what isn't one has none. */
import { isIPv4, isIPv6 } from "node:net";

/**
 * An address in the form that sockets report: dotted IPv4, or IPv6 as RFC 5952 writes it; an
 * IPv4-mapped address is its IPv4 one. Undefined for anything else, zones and octal forms included.
 */
export function canonicalAddress(text: string): string | undefined {
  if (isIPv4(text)) return text;
  if (text.includes("%") || !isIPv6(text)) return undefined;
  // The URL standard writes IPv6 addresses as RFC 5952 does, but for IPv4-mapped ones.
  const address = new URL(`http://[${text}]`).hostname.slice(1, -1);
  const [, high, low] = mapped.exec(address) ?? [];
  return high === undefined || low === undefined ? address : dotted(high, low);
}

const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;

/** Two groups of IPv6 as four of IPv4. */
function dotted(high: string, low: string): string {
  return [high, low].map((group) => parseInt(group, 16))
    .map((value) => `${value >> 8}.${value & 255}`).join(".");
}

/** The addresses among `texts`, each in its one spelling. */
export function addressSet(texts: readonly string[]): ReadonlySet<string> {
  return new Set(texts.map(canonicalAddress).filter((ip) => ip !== undefined));
}
