/** The facts of a cluster, or those about one pod, read once: for commands that don't watch. */
import type { NamespaceFacts, PodFacts, ServiceAccountFacts } from "../../policy/facts.ts";
import type { KubernetesApi } from "../client/api.ts";
import { ApiFault } from "../client/api_fault.ts";
import { listPages } from "../reflector/list_pages.ts";
import { namespaces, pods, serviceAccounts } from "../objects/objects.ts";
import { createPodReads } from "./pod_reads.ts";
import type { Resource } from "../objects/resource.ts";
import type { Clock } from "../../time/clock.ts";

export interface ClusterFacts {
  readonly pods: readonly PodFacts[];
  readonly namespaces: ReadonlyMap<string, NamespaceFacts>;
  /** By `namespace/name`. */
  readonly serviceAccounts: ReadonlyMap<string, ServiceAccountFacts>;
}

/** A pod with the other facts that its decision depends on. */
export interface PodWithFacts {
  readonly pod: PodFacts;
  readonly namespace: NamespaceFacts | undefined;
  readonly serviceAccount: ServiceAccountFacts | undefined;
}

/** Objects that can't be read are left out. @throws {ApiFault} a list fails */
export async function readClusterFacts(api: KubernetesApi, clock: Clock): Promise<ClusterFacts> {
  return { ...await readPolicyFacts(api, clock), pods: await list(api, clock, pods) };
}

/** What decisions depend on besides the pods. @throws {ApiFault} a list fails */
export async function readPolicyFacts(
  api: KubernetesApi,
  clock: Clock,
): Promise<Omit<ClusterFacts, "pods">> {
  const spaces = await list(api, clock, namespaces);
  const accounts = await list(api, clock, serviceAccounts);
  return {
    namespaces: new Map(spaces.map((one) => [one.name, one])),
    serviceAccounts: new Map(accounts.map((one) => [`${one.namespace}/${one.name}`, one])),
  };
}

async function list<T>(api: KubernetesApi, clock: Clock, resource: Resource<T>) {
  const { signal } = new AbortController();
  const options = { api, resource, clock, signal, limit: 500, unreadable: () => {} };
  return (await listPages(options)).items;
}

/** Null if there is no such pod. @throws {ApiFault} */
export async function readPodFacts(
  api: KubernetesApi,
  namespace: string,
  name: string,
): Promise<PodWithFacts | null> {
  const pod = await createPodReads(api).pod(namespace, name);
  if (pod === null) return null;
  const place = `${namespaces.path}/${encodeURIComponent(namespace)}`;
  const account = `${place}/serviceaccounts/${encodeURIComponent(pod.serviceAccount)}`;
  return {
    pod,
    namespace: await readOne(api, namespaces, "get namespaces", place),
    serviceAccount: await readOne(api, serviceAccounts, "get serviceaccounts", account),
  };
}

/** Each pod of a cluster with its namespace and ServiceAccount. */
export function* podsWithFacts(cluster: ClusterFacts): Iterable<PodWithFacts> {
  for (const pod of cluster.pods) {
    const namespace = cluster.namespaces.get(pod.namespace);
    const key = `${pod.namespace}/${pod.serviceAccount}`;
    yield { pod, namespace, serviceAccount: cluster.serviceAccounts.get(key) };
  }
}

async function readOne<T>(
  api: KubernetesApi,
  resource: Resource<T>,
  action: string,
  path: string,
): Promise<T | undefined> {
  try {
    const picked = resource.pick(await api.json({ action, path }));
    return "item" in picked ? picked.item : undefined;
  } catch (fault) {
    if (fault instanceof ApiFault && fault.code === "api_not_found") return undefined;
    throw fault;
  }
}
