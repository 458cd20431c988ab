/** The metrics that agent and server have, as their registries say. */
import { Registry } from "prom-client";
import { AgentCounts } from "../../src/agent/agent_counts.ts";
import { publishMetrics } from "../../src/agent/metrics.ts";
import { createMetrics as serverMetrics } from "../../src/server/metrics.ts";

/** Every name that can stand in an expression, and the labels it has. */
export async function knownMetrics(): Promise<Map<string, ReadonlySet<string>>> {
  const registry = new Registry();
  const about = { version: "1", runtime: "test" };
  const notAsked = {} as never;
  publishMetrics(new AgentCounts(), about, notAsked, registry);
  serverMetrics(registry, about, notAsked);
  const known = new Map<string, ReadonlySet<string>>();
  for (const metric of registry.getMetricsAsArray()) {
    const { name, type, get, labelNames = [] } = metric as unknown as {
      readonly name: string;
      readonly type?: string;
      readonly get: () => Promise<{ readonly type: string }>;
      readonly labelNames?: readonly string[];
    };
    // One that is made at the scrape says its type only then.
    const parts = (type ?? (await get()).type) === "histogram"
      ? ["_bucket", "_sum", "_count"]
      : [""];
    for (const part of parts) known.set(name + part, new Set([...labelNames, "le"]));
  }
  return known;
}
