/** Whether the admission policy that keeps kubelets from writing our annotations is in force. */
import type { KubernetesApi } from "../client/api.ts";
import { ApiFault } from "../client/api_fault.ts";

/** `unknown`: the API is unreachable, or RBAC denies the request. */
type PolicyState = "bound" | "missing" | "unknown";

/** The ValidatingAdmissionPolicyBinding's name; a policy without a binding has no effect. */
const bindingName = "rolecall-kubelet-annotations";

/** A cluster without this kind of policy (before Kubernetes 1.30) gives `missing` as well. */
export async function checkAdmissionPolicy(
  api: Pick<KubernetesApi, "json">,
): Promise<PolicyState> {
  const resource = "validatingadmissionpolicybindings";
  const path = `/apis/admissionregistration.k8s.io/v1/${resource}/${bindingName}`;
  try {
    await api.json({ action: `get ${resource}`, path });
    return "bound";
  } catch (fault) {
    return fault instanceof ApiFault && fault.code === "api_not_found" ? "missing" : "unknown";
  }
}
