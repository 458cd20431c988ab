/** The metrics that agent and server have, as expressions can name them. */
import { agentMetrics, serverMetrics } from "../../docs/metrics_reference.ts";

/** Every name that can stand in an expression, and the labels it has. */
export async function knownMetrics(): Promise<Map<string, ReadonlySet<string>>> {
  const known = new Map<string, ReadonlySet<string>>();
  for (const { name, type, labels } of [...await agentMetrics(), ...await serverMetrics()]) {
    const parts = type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
    for (const part of parts) known.set(name + part, new Set([...labels, "le"]));
  }
  return known;
}
