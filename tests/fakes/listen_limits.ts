/** Limits of a listener that no test reaches. */
import type { ListenLimits } from "../../src/runtime/http/types.ts";

export const patientLimits: ListenLimits = {
  maxConnections: 200,
  maxConnectionsPerPeer: 200,
  headersTimeoutMs: 60_000,
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 60_000,
  maxHeaderBytes: 16_384,
};
