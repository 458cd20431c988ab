/** Rows and summaries to start a test from, each with the one thing changed that it is about. */
import type { AgentRow, PodRow, Summary } from "../../src/server/status/data/summary.ts";

/** Pod `shop/web` on node `n1` with its credentials. */
export function podRow(changes: Partial<PodRow> = {}): PodRow {
  return {
    uid: "uid-web",
    namespace: "shop",
    name: "web",
    node: "n1",
    serviceAccount: "default",
    ips: ["10.0.0.7"],
    hostNetwork: false,
    state: "ready",
    reason: null,
    message: null,
    requested: "reader",
    roleArn: "arn:aws:iam::111122223333:role/reader",
    sessionName: "shop.default",
    accessKeyId: "ASIAKEY1",
    issuedAt: "2026-01-01T00:00:00Z",
    expiresAt: "2026-01-01T01:00:00Z",
    lastFault: null,
    nextAttemptAt: null,
    lastWithoutToken: null,
    ...changes,
  };
}

/** Node `n1`'s agent, connected, which hasn't said anything of itself. */
export function agentRow(changes: Partial<AgentRow> = {}): AgentRow {
  return {
    node: "n1",
    namespace: "rolecall",
    pod: "rolecall-agent-x",
    connectedAt: "2026-01-01T00:00:00Z",
    reportedAt: null,
    report: null,
    ...changes,
  };
}

/** Replica `server-0`, which knows nothing. */
export function summary(changes: Partial<Summary> = {}): Summary {
  return {
    version: "1",
    replica: "server-0",
    instance: changes.replica ?? "server-0",
    at: "2026-01-01T00:00:00Z",
    missing: [],
    watchAgeSeconds: 1,
    counts: { pods: 1, namespaces: 1, nodes: 1 },
    agents: [],
    pods: [],
    roles: [],
    timeline: { minutes: [], latest: [] },
    ...changes,
  };
}
