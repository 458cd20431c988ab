/** The limits of the server's listeners. */
const times = { headersTimeoutMs: 10_000, requestTimeoutMs: 15_000, maxHeaderBytes: 32_768 };
const pages = { maxConnections: 128, maxConnectionsPerPeer: 32, keepAliveTimeoutMs: 60_000 };

export const pageLimits = { ...times, ...pages };

/**
 * For agents: what is left of half the files that may be open, at most 16,384 connections.
 * One agent needs two streams for a moment and a few calls, and a cluster may have 5,000 of them.
 */
export function agentLimits(openFiles: number) {
  const left = Math.floor(openFiles / 2) - 2 * pages.maxConnections;
  const maxConnections = Math.max(64, Math.min(16_384, left));
  return { ...times, maxConnections, maxConnectionsPerPeer: 32, keepAliveTimeoutMs: 60_000 };
}
