/**
 * Whether a request's Host names us. A page in some pod's browser can make a name of its own
 * resolve to the metadata address (DNS rebinding); it can't choose another Host.
 */
import { withoutBrackets } from "../../net/host_port.ts";
import { canonicalAddress } from "../../net/ip_address.ts";
import type { FrontRequest } from "./request_context.ts";

const hostForm = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]{1,5})?$/;
/** Spellings kept, so that the usual ones aren't taken apart for every request. */
const maxSeen = 64;
const metadataHosts = ["169.254.169.254", "fd00:ec2::254", "localhost", "::1"];

/**
 * A check of the Host header: the metadata addresses, loopback, the address connected to and those
 * in `allowed` (names or addresses), each with or without a port. A missing Host passes with
 * HTTP/1.0 only; two never pass.
 */
export function createHostCheck(allowed: readonly string[]): (request: FrontRequest) => boolean {
  const names = new Set([...metadataHosts, ...allowed].map(nameOf));
  const seenGood = new Set<string>();
  const isAlwaysOurs = (host: string, name: string) => {
    if (!names.has(name) && !isLoopback(name)) return false;
    if (seenGood.size < maxSeen) seenGood.add(host);
    return true;
  };
  return (request) => {
    const [host, ...others] = request.headerValues("host");
    if (host === undefined) return request.httpVersion === "1.0";
    if (others.length > 0) return false;
    if (seenGood.has(host)) return true;
    const match = hostForm.exec(host);
    if (match === null) return false;
    const name = nameOf(match[1] ?? match[2] ?? "");
    return isAlwaysOurs(host, name) || name === request.local;
  };
}

function nameOf(text: string): string {
  const bare = withoutBrackets(text);
  return canonicalAddress(bare) ?? bare.toLowerCase();
}

function isLoopback(name: string): boolean {
  return name.startsWith("127.") && canonicalAddress(name) !== undefined;
}
