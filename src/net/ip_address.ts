/**
 * IP addresses in one canonical form. Addresses decide which pod a request belongs to, so every
 * address is compared in this form and read by this module alone.
 */
import { isIPv4, isIPv6 } from "node:net";

/**
 * Dotted IPv4, or IPv6 as RFC 5952 writes it; an IPv4-mapped address becomes its IPv4 address.
 * Undefined for anything else, including zones, brackets, prefixes and short or octal IPv4 forms.
 */
export function canonicalAddress(text: string): string | undefined {
  if (isIPv4(text)) return text;
  if (text.includes("%") || !isIPv6(text)) return undefined;
  // The WHATWG URL serializer follows RFC 5952, except that it writes mapped addresses in hex.
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

/**
 * An address in network byte order: 4 bytes, or 16; an IPv4-mapped address has 4.
 * @throws {TypeError} for any other text
 */
export function addressBytes(text: string): readonly number[] {
  const address = canonicalAddress(text);
  if (address === undefined) throw new TypeError(`${JSON.stringify(text)} is no IP address`);
  if (!address.includes(":")) return address.split(".").map(Number);
  const [front = [], back = []] = address.split("::").map((part) =>
    part.split(":").filter(Boolean)
  );
  const zeros = new Array<string>(8 - front.length - back.length).fill("0");
  return [...front, ...zeros, ...back].map((group) => parseInt(group, 16))
    .flatMap((value) => [value >> 8, value & 255]);
}

/**
 * A socket's address in canonical form. A link-local address loses its zone, as pods' addresses
 * have none. Undefined if the socket is gone.
 */
export function peerAddress(raw: string | undefined): string | undefined {
  if (raw === undefined) return undefined;
  // Dual-stack sockets report every IPv4 peer like this, so it takes no detour through URL.
  if (raw.startsWith("::ffff:") && isIPv4(raw.slice(7))) return raw.slice(7);
  return canonicalAddress(raw.split("%", 1)[0] ?? "");
}

/** The distinct addresses among these texts, in canonical form. */
export function canonicalAddresses(texts: readonly string[]): readonly string[] {
  return [...new Set(texts.map(canonicalAddress).filter((ip) => ip !== undefined))];
}
