/**
 * Whether a request's Host names this service. A page in a pod's browser can make a name of its own
 * resolve to our address (DNS rebinding); it can't choose another Host.
 */
import { withoutBrackets } from "../../net/host_port.ts";
import { canonicalAddress } from "../../net/ip_address.ts";
import type { Incoming } from "../../net/http_messages.ts";

/** What is wrong with the request's Host, in one line; undefined if nothing is. */
export type HostCheck = (request: Incoming) => string | undefined;

interface HostCheckOptions {
  /** Names and addresses, which clients may give with or without a port. */
  readonly names: readonly string[];
  /** Whether loopback and the address connected to are served as well. */
  readonly ownAddresses: boolean;
  /** Appended to the line about a Host that isn't served. */
  readonly remedy: string;
}

/** A name may end with the root's dot, and a port may be empty (RFC 3986, 3.2.3). */
const hostForm = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]*[A-Za-z0-9_-])\.?)(?::[0-9]{0,5})?$/;
/** Spellings kept, so that the usual ones aren't parsed for every request. */
const maxSeen = 64;

/** RFC 9112, 3.2: exactly one Host; HTTP/1.0 may leave it out. */
export function createHostCheck(options: HostCheckOptions): HostCheck {
  const names = new Set(options.names.map(nameOf));
  const seen = new Set<string>();
  const isServed = (host: string, name: string, local: string) => {
    if (!names.has(name) && !(options.ownAddresses && isLoopback(name))) {
      return options.ownAddresses && name === local;
    }
    if (seen.size < maxSeen) seen.add(host);
    return true;
  };
  return (request) => {
    const [host, ...others] = request.headerValues("host");
    if (host === undefined) {
      return request.httpVersion === "1.0" ? undefined : "the Host header is missing";
    }
    if (others.length > 0) return "the request has more than one Host header";
    if (seen.has(host)) return undefined;
    const match = hostForm.exec(host);
    if (match && isServed(host, nameOf(match[1] ?? match[2]!), request.local)) return undefined;
    return `Host ${quoted(host)} isn't served here; ${options.remedy}`;
  };
}

function nameOf(text: string): string {
  const bare = withoutBrackets(text);
  return canonicalAddress(bare) ?? bare.toLowerCase();
}

function isLoopback(name: string): boolean {
  if (name === "localhost" || name === "::1") return true;
  return name.startsWith("127.") && canonicalAddress(name) !== undefined;
}

/** Untrusted: short and printable. */
function quoted(host: string): string {
  const printable = host.replace(/[^ -~]/g, "?");
  return JSON.stringify(printable.length > 64 ? `${printable.slice(0, 64)}...` : printable);
}
