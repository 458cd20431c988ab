/** With which limits the server listens. */
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
 * For agents: what is left of half the files that may be open, at most 16,384 connections.
 * One agent needs two streams for a moment and a few calls, and a cluster may have 5,000 of them.
 */
export function agentLimits(openFiles: number): Limits {
  const left = Math.floor(openFiles / 2) - 2 * pages.maxConnections;
  const maxConnections = Math.max(64, Math.min(16_384, left));
  return { ...times, maxConnections, maxConnectionsPerPeer: 32, keepAliveTimeoutMs: 60_000 };
}
