/** Pods read directly from the API, when the watch hasn't delivered them yet. */
import * as v from "valibot";
import type { PodFacts } from "../../policy/facts.ts";
import type { KubernetesApi } from "../client/api.ts";
import { ApiFault } from "../client/api_fault.ts";
import { pods } from "../objects/objects.ts";

interface PodReads {
  /** One pod, or null if there is none. @throws {ApiFault} */
  pod(namespace: string, name: string): Promise<PodFacts | null>;
  /**
   * Pods of a node with this address (in canonical form), host-network and finished ones included.
   * @throws {ApiFault}
   */
  podsByAddress(node: string, ip: string, signal?: AbortSignal): Promise<readonly PodFacts[]>;
}

const list = v.object({ items: v.optional(v.nullable(v.array(v.unknown())), []) });

export function createPodReads(api: Pick<KubernetesApi, "json">): PodReads {
  async function listed(selector: string, signal?: AbortSignal): Promise<PodFacts[]> {
    const query = new URLSearchParams({ fieldSelector: selector });
    const call = { action: "list pods", path: `${pods.path}?${query}` };
    const read = v.safeParse(list, await api.json(signal ? { ...call, signal } : call));
    return read.success ? (read.output.items ?? []).flatMap(factsOf) : [];
  }

  return {
    async pod(namespace, name) {
      const path = `/api/v1/namespaces/${segment(namespace)}/pods/${segment(name)}`;
      try {
        const object = await api.json({ action: "get pods", path });
        return factsOf(object)[0] ?? null;
      } catch (fault) {
        if (fault instanceof ApiFault && fault.code === "api_not_found") return null;
        throw fault;
      }
    },
    async podsByAddress(node, ip, signal) {
      const hasAddress = (pod: PodFacts) => pod.nodeName === node && pod.ips.includes(ip);
      const found = await listed(`spec.nodeName=${node},status.podIP=${ip}`, signal);
      if (found.some(hasAddress)) return found.filter(hasAddress);
      // The selector only knows a pod's first address; a dual-stack pod has another.
      return (await listed(`spec.nodeName=${node}`, signal)).filter(hasAddress);
    },
  };
}

function factsOf(object: unknown): PodFacts[] {
  const picked = pods.pick(object);
  return "item" in picked ? [picked.item] : [];
}

/** Kubernetes names need no escaping; anything else must not become another path. */
function segment(name: string): string {
  return encodeURIComponent(name).replaceAll(".", "%2E");
}
