/**
 * Writes the cluster's objects as its controllers and kubelets would: nodes, namespaces, accounts,
 * pods with the address that their network namespace has, and tokens bound to pods.
 */
import type { KubeApi, KubeObject } from "./kube_api.ts";

type Annotations = Readonly<Record<string, string | null>>;

export interface PodSpec {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  readonly annotations?: Annotations;
  readonly labels?: Readonly<Record<string, string>>;
  /** `default` without it; null for none, as mirror pods have it. */
  readonly serviceAccount?: string | null;
  readonly hostNetwork?: boolean;
}

export function podPath(namespace: string, name = ""): string {
  return `/api/v1/namespaces/${namespace}/pods${name === "" ? "" : `/${name}`}`;
}

export async function createNode(api: KubeApi, name: string, address: string): Promise<void> {
  await api.create("/api/v1/nodes", { apiVersion: "v1", kind: "Node", metadata: { name } });
  await api.patch(`/api/v1/nodes/${name}/status`, {
    status: { addresses: [{ type: "InternalIP", address }] },
  });
}

/** A namespace with its `default` ServiceAccount, which pods need to be admitted. */
export async function createNamespace(
  api: KubeApi,
  name: string,
  annotations: Annotations = {},
  labels: Readonly<Record<string, string>> = {},
): Promise<void> {
  const metadata = { name, annotations, labels };
  await api.create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata });
  await createServiceAccount(api, name, "default");
}

export async function createServiceAccount(
  api: KubeApi,
  namespace: string,
  name: string,
  annotations: Annotations = {},
): Promise<void> {
  await api.create(`/api/v1/namespaces/${namespace}/serviceaccounts`, {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name, annotations },
  });
}

/** A pod bound to its node, without an address yet. */
export function schedulePod(api: KubeApi, pod: PodSpec): Promise<KubeObject> {
  return api.create(podPath(pod.namespace), {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: pod.name, annotations: pod.annotations ?? {}, labels: pod.labels ?? {} },
    spec: {
      nodeName: pod.node,
      ...accountOf(pod),
      automountServiceAccountToken: false,
      hostNetwork: pod.hostNetwork ?? false,
      containers: [{ name: "main", image: "example.test/app:1" }],
    },
  });
}

function accountOf({ serviceAccount = "default" }: PodSpec): object {
  return serviceAccount === null ? {} : { serviceAccountName: serviceAccount };
}

/** What a kubelet reports once the pod runs. */
export async function reportRunning(
  api: KubeApi,
  namespace: string,
  name: string,
  address: string,
): Promise<void> {
  await api.patch(`${podPath(namespace, name)}/status`, {
    status: {
      phase: "Running",
      podIP: address,
      podIPs: [{ ip: address }],
      conditions: [{ type: "Ready", status: "True" }],
    },
  });
}

export async function annotatePod(
  api: KubeApi,
  namespace: string,
  name: string,
  annotations: Annotations,
): Promise<void> {
  await api.patch(podPath(namespace, name), { metadata: { annotations } });
}

export async function annotateNamespace(
  api: KubeApi,
  name: string,
  annotations: Annotations,
): Promise<void> {
  await api.patch(`/api/v1/namespaces/${name}`, { metadata: { annotations } });
}

interface TokenRequest {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly audience?: string;
  readonly boundTo?: { readonly name: string; readonly uid: string };
}

/** A ServiceAccount's token for ten minutes, the shortest there is. */
export async function requestToken(api: KubeApi, wanted: TokenRequest): Promise<string> {
  const account = `/api/v1/namespaces/${wanted.namespace}/serviceaccounts/${wanted.serviceAccount}`;
  const made = await api.create(`${account}/token`, {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: {
      expirationSeconds: 600,
      ...(wanted.audience ? { audiences: [wanted.audience] } : {}),
      ...(wanted.boundTo
        ? { boundObjectRef: { apiVersion: "v1", kind: "Pod", ...wanted.boundTo } }
        : {}),
    },
  });
  return (made["status"] as { token: string }).token;
}
