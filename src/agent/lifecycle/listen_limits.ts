/** The limits of the agent's listeners. */
import type { AgentSettings } from "../config.ts";

/** No SDK sends a body or large headers to the metadata service; silent clients are closed. */
export function frontLimits(settings: AgentSettings) {
  return {
    maxConnections: settings.maxConnections,
    moreConnections: settings.moreConnections,
    // With few in all, as where few files may be open, one pod must not have every one of them.
    maxConnectionsPerPeer: Math.min(
      settings.podConnections,
      Math.ceil(settings.maxConnections / 2),
    ),
    headersTimeoutMs: 5000,
    requestTimeoutMs: 10_000,
    keepAliveTimeoutMs: 15_000,
    maxHeaderBytes: 16_384,
  };
}

/** The kubelet's probes and a scraper or two; pods reach this port too. */
export const adminLimits = {
  maxConnections: 64,
  maxConnectionsPerPeer: 16,
  headersTimeoutMs: 5000,
  requestTimeoutMs: 10_000,
  keepAliveTimeoutMs: 60_000,
  maxHeaderBytes: 16_384,
};
