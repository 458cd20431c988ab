/** Session tags with the keys of EKS Pod Identity, so that the same IAM policies work with both. */
import type { PodFacts } from "./facts.ts";

type Tag = readonly [key: string, value: string];

/** Always in the same order; `eks-cluster-name` only if the cluster has a name. */
export function sessionTags(pod: PodFacts, clusterName: string | null): readonly Tag[] {
  const tags: Tag[] = [
    ["kubernetes-namespace", tagValue(pod.namespace)],
    ["kubernetes-service-account", tagValue(pod.serviceAccount)],
    ["kubernetes-pod-name", tagValue(pod.name)],
    ["kubernetes-pod-uid", tagValue(pod.uid)],
  ];
  if (clusterName !== null) tags.push(["eks-cluster-name", tagValue(clusterName)]);
  return tags;
}

/**
 * Kubernetes' own names always fit as they are. Anything else becomes `-` and 256 are kept: STS takes
 * at most 256 of letters, digits, spaces and `_.:/=+-@`.
 */
function tagValue(text: string): string {
  return text.slice(0, 256).replace(/[^A-Za-z0-9 _.:/=+@-]/g, "-");
}
