/** Facts → Kubernetes objects, as an API server would show them. */
import type { PodFacts } from "../../src/policy/facts.ts";

export interface ApiObject {
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

export function podObject(pod: PodFacts, version: number): ApiObject {
  return {
    kind: "Pod",
    metadata: {
      uid: pod.uid,
      namespace: pod.namespace,
      name: pod.name,
      resourceVersion: String(version),
      creationTimestamp: pod.createdAt,
      ...pod.terminating && { deletionTimestamp: pod.createdAt },
      annotations: pod.role === null ? {} : { "iam.amazonaws.com/role": pod.role },
    },
    spec: {
      nodeName: pod.nodeName,
      serviceAccountName: pod.serviceAccount,
      hostNetwork: pod.hostNetwork,
    },
    status: {
      phase: pod.terminal ? "Succeeded" : "Running",
      podIP: pod.ips[0],
      podIPs: pod.ips.map((ip) => ({ ip })),
    },
  };
}

/** A namespace in which every role is permitted. */
export function namespaceObject(name: string): ApiObject {
  const annotations = { "iam.amazonaws.com/permitted": ".*" };
  return { kind: "Namespace", metadata: { name, resourceVersion: "1", annotations } };
}
