/** Whether the policy is in force that keeps kubelets from writing our annotations. */
import type { KubernetesApi } from "../client/api.ts";
import { ApiFault } from "../client/api_fault.ts";

/** `unknown`: the API couldn't be asked, or RBAC doesn't let us. */
export type FencePolicy = "bound" | "missing" | "unknown";

/** The ValidatingAdmissionPolicyBinding's name; without its binding a policy does nothing. */
const FENCE_BINDING = "rolecall-kubelet-annotations";

/** A cluster without this kind of policy (before Kubernetes 1.30) also answers `missing`. */
export async function fencePolicy(api: Pick<KubernetesApi, "json">): Promise<FencePolicy> {
  const resource = "validatingadmissionpolicybindings";
  const path = `/apis/admissionregistration.k8s.io/v1/${resource}/${FENCE_BINDING}`;
  try {
    await api.json({ action: `get ${resource}`, path });
    return "bound";
  } catch (thrown) {
    return thrown instanceof ApiFault && thrown.code === "api_not_found" ? "missing" : "unknown";
  }
}
