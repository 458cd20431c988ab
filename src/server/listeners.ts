/** The limits of the server's listeners. */
const times = { headersTimeoutMs: 10_000, requestTimeoutMs: 15_000, maxHeaderBytes: 32_768 };
const pages = { maxConnections: 128, maxConnectionsPerPeer: 32, keepAliveTimeoutMs: 60_000 };

export const pageLimits = { ...times, ...pages };

/**
 * For agents: half of the file limit less what the pages may use, at most 16,384 connections. An
 * agent briefly has two streams and makes a few calls, and a cluster may have 5,000 agents.
 */
export function agentLimits(openFiles: number) {
  const left = Math.floor(openFiles / 2) - 2 * pages.maxConnections;
  const maxConnections = Math.max(64, Math.min(16_384, left));
  return { ...times, maxConnections, maxConnectionsPerPeer: 32, keepAliveTimeoutMs: 60_000 };
}
