/** Where the server listens, with which limits, and how requests reach the Hono apps. */
import type { HostPort } from "../settings/flags.ts";

/** A request of the runtime's listener, as far as the apps need it. */
export interface IncomingRequest {
  readonly target: string;
  readonly peer: string;
  toRequest(url: string): Request;
}

interface Limits {
  readonly maxConnections: number;
  readonly maxConnectionsPerPeer: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly maxHeaderBytes: number;
}

const times = { headersTimeoutMs: 10_000, requestTimeoutMs: 15_000, maxHeaderBytes: 32_768 };
const pages = { maxConnections: 128, maxConnectionsPerPeer: 32, keepAliveTimeoutMs: 60_000 };

export const pageLimits: Limits = { ...times, ...pages };

/**
 * For agents: what is left of half the files that may be open, at most 4096 connections. One agent
 * needs two streams for a moment and a few calls.
 */
export function agentLimits(openFiles: number): Limits {
  const left = Math.floor(openFiles / 2) - 2 * pages.maxConnections;
  const maxConnections = Math.max(64, Math.min(4096, left));
  return { ...times, maxConnections, maxConnectionsPerPeer: 32, keepAliveTimeoutMs: 60_000 };
}

/** Where no address was named: all of IPv6, which takes IPv4 too, or IPv4 where there is no IPv6. */
export function listenHost(wanted: HostPort, given: boolean, hasIpv6: boolean): string {
  if (given && wanted.host !== "") return wanted.host;
  if (!given && wanted.host !== "::") return wanted.host;
  return hasIpv6 ? "::" : "0.0.0.0";
}

/** Origin-form targets only; the Host header decides nothing, so it is taken as it comes. */
export function webHandler(
  fetch: (request: Request, env: { readonly peer: string }) => Promise<Response> | Response,
): (incoming: IncomingRequest) => Promise<Response> | Response {
  return (incoming) => {
    if (!incoming.target.startsWith("/")) return new Response("bad target\n", { status: 400 });
    const url = `http://server${incoming.target}`;
    if (!URL.canParse(url)) return new Response("bad target\n", { status: 400 });
    return fetch(incoming.toRequest(url), { peer: incoming.peer });
  };
}
