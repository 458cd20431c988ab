/** The one spelling of an IP address by which pods are looked up; what isn't one has none. */
import ipaddr from "ipaddr.js";

/**
 * An address in the form that sockets report: dotted IPv4, or IPv6 as RFC 5952 writes it; an
 * IPv4-mapped address is its IPv4 one. Undefined for anything else, zones and octal forms included.
 */
export function canonicalAddress(text: string): string | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return text;
  if (!text.includes(":") || text.includes("%") || !ipaddr.IPv6.isValid(text)) return undefined;
  const parsed = ipaddr.IPv6.parse(text);
  return parsed.isIPv4MappedAddress() ? parsed.toIPv4Address().toString() : parsed.toString();
}

/** The addresses among `texts`, each in its one spelling. */
export function addressSet(texts: readonly string[]): ReadonlySet<string> {
  return new Set(texts.map(canonicalAddress).filter((ip) => ip !== undefined));
}
