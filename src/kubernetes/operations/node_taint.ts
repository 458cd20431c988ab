/** Removes the startup taint from a node whose agent is ready. */
import * as v from "valibot";
import type { KubernetesApi } from "../client/api.ts";
import { ApiFault } from "../client/api_fault.ts";

const node = v.object({
  spec: v.optional(
    v.object({ taints: v.optional(v.nullable(v.array(v.looseObject({ key: v.string() }))), []) }),
    {},
  ),
});

/** Others change taints too: a node that changed in between is read again, this often in total. */
const attempts = 3;

/**
 * Removes every taint with this key, whatever its value and effect; `absent` if there is none, or no
 * such node.
 * @throws {ApiFault} refused, unreachable, or changed by others each time
 */
export async function removeNodeTaint(
  api: Pick<KubernetesApi, "json">,
  nodeName: string,
  key: string,
): Promise<"removed" | "absent"> {
  const path = `/api/v1/nodes/${encodeURIComponent(nodeName)}`;
  for (let attempt = 1;; attempt++) {
    try {
      return await removeOnce(api, path, key);
    } catch (fault) {
      if (!(fault instanceof ApiFault)) throw fault;
      if (fault.code === "api_not_found") return "absent";
      const changed = fault.status === 422 || fault.code === "api_conflict";
      if (!changed || attempt === attempts) throw fault;
    }
  }
}

async function removeOnce(
  api: Pick<KubernetesApi, "json">,
  path: string,
  key: string,
): Promise<"removed" | "absent"> {
  const { spec } = v.parse(node, await api.json({ action: "get nodes", path }));
  const taints = spec.taints ?? [];
  const others = taints.filter((taint) => taint.key !== key);
  if (others.length === taints.length) return "absent";
  await api.json({
    action: "patch nodes",
    method: "PATCH",
    path,
    contentType: "application/json-patch+json",
    // RFC 6902: the test, and with it the patch, fails if the list has changed since it was read.
    body: [
      { op: "test", path: "/spec/taints", value: taints },
      { op: "replace", path: "/spec/taints", value: others },
    ],
  });
  return "removed";
}
