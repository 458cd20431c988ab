/** The limits of the server's listeners. */
import type { Runtime } from "../runtime/runtime.ts";

const times = { headersTimeoutMs: 10_000, requestTimeoutMs: 15_000, maxHeaderBytes: 32_768 };
const pages = { maxConnections: 128, maxConnectionsPerPeer: 32, keepAliveTimeoutMs: 60_000 };

export const pageLimits = { ...times, ...pages };

/**
 * For agents: half of the file limit less what the pages may use, at most 16,384 connections. An
 * agent briefly has two streams and makes a few calls, and a cluster may have 5,000 agents.
 */
export function agentLimits(openFilesLimit: Runtime["openFilesLimit"]) {
  return {
    ...times,
    maxConnections: connectionsWith(openFilesLimit()),
    moreConnections: () => connectionsWith(openFilesLimit("full")),
    maxConnectionsPerPeer: 32,
    keepAliveTimeoutMs: 60_000,
  };
}

function connectionsWith(openFiles: number): number {
  const left = Math.floor(openFiles / 2) - 2 * pages.maxConnections;
  return Math.max(64, Math.min(16_384, left));
}
