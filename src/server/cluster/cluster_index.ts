/**
 * The server's index of the cluster: pods by UID and node, namespaces, ServiceAccounts. Lists and
 * watches feed it through its sinks; listeners are called for changes of facts only.
 */
import type { NamespaceFacts, PodFacts, ServiceAccountFacts } from "../../policy/facts.ts";
import { type Claim, claimOf } from "./address_claim.ts";
import { compactPod, samePod } from "./pod_facts.ts";
import { Interner } from "./interner.ts";

/** Receives the objects of a list and watch. `replace` is a complete list. */
export interface Sink<T> {
  replace(items: readonly T[]): void;
  upsert(item: T): void;
  /** The UID of a pod, the name of a namespace, `namespace/name` of a ServiceAccount. */
  remove(key: string): void;
}

interface ClusterListener {
  /** `now` is undefined if the pod is gone, `before` if it is new. */
  podChanged?(now: PodFacts | undefined, before: PodFacts | undefined): void;
  namespaceChanged?(name: string): void;
  serviceAccountChanged?(namespace: string, name: string): void;
  /** Pods, namespaces and ServiceAccounts have all been listed; called once. */
  synced?(): void;
}

type ListedResource = "pods" | "namespaces" | "serviceaccounts";

export class ClusterIndex {
  readonly pods: Sink<PodFacts>;
  readonly namespaces: Sink<NamespaceFacts>;
  readonly serviceAccounts: Sink<ServiceAccountFacts>;

  readonly #pods = new Map<string, PodFacts>();
  readonly #podsByNode = new Map<string, Map<string, PodFacts>>();
  readonly #namespaces = new Map<string, NamespaceFacts>();
  readonly #serviceAccounts = new Map<string, ServiceAccountFacts>();
  readonly #unlisted = new Set<ListedResource>(["pods", "namespaces", "serviceaccounts"]);
  readonly #listeners = new Set<ClusterListener>();
  readonly #interner = new Interner();

  constructor() {
    this.pods = this.#sink("pods", this.#pods, {
      keyOf: (pod) => pod.uid,
      same: samePod,
      keep: (pod) => compactPod(pod, this.#interner),
      changed: (now, before) => this.#podChanged(now, before),
    });
    this.namespaces = this.#sink("namespaces", this.#namespaces, {
      keyOf: (namespace) => namespace.name,
      same: sameFields,
      keep: (namespace) => namespace,
      changed: (now, before) => this.#namespaceChanged((now ?? before)!.name),
    });
    this.serviceAccounts = this.#sink("serviceaccounts", this.#serviceAccounts, {
      keyOf: (account) => `${account.namespace}/${account.name}`,
      same: sameFields,
      keep: (account) => compactServiceAccount(account, this.#interner),
      changed: (now, before) => this.#serviceAccountChanged((now ?? before)!),
    });
  }

  /** Whether everything that decisions need has been listed once. */
  get synced(): boolean {
    return this.#unlisted.size === 0;
  }

  /** What hasn't been listed yet. */
  get unlisted(): readonly ListedResource[] {
    return [...this.#unlisted];
  }

  pod(uid: string): PodFacts | undefined {
    return this.#pods.get(uid);
  }

  /** Whether the namespace is gone or being deleted, with everything in it. */
  isEnding(namespace: string): boolean {
    return this.#namespaces.get(namespace)?.terminating ?? !this.#namespaces.has(namespace);
  }

  allPods(): Iterable<PodFacts> {
    return this.#pods.values();
  }

  podsOn(node: string): Iterable<PodFacts> {
    return this.#podsByNode.get(node)?.values() ?? [];
  }

  /** Which pod on this node has the address: an agent never learns of pods on other nodes. */
  claimOn(node: string, ip: string): Claim {
    return claimOf(ip, this.podsOn(node));
  }

  namespace(name: string): NamespaceFacts | undefined {
    return this.#namespaces.get(name);
  }

  serviceAccount(namespace: string, name: string): ServiceAccountFacts | undefined {
    return this.#serviceAccounts.get(`${namespace}/${name}`);
  }

  counts(): { readonly pods: number; readonly namespaces: number; readonly nodes: number } {
    return {
      pods: this.#pods.size,
      namespaces: this.#namespaces.size,
      nodes: this.#podsByNode.size,
    };
  }

  /** Calls back on each change from now on. */
  subscribe(listener: ClusterListener): void {
    this.#listeners.add(listener);
  }

  #sink<T>(resource: ListedResource, items: Map<string, T>, kind: Kind<T>): Sink<T> {
    const upsert = (item: T) => {
      const key = kind.keyOf(item);
      const before = items.get(key);
      if (before !== undefined && kind.same(before, item)) return;
      const now = kind.keep(item);
      items.set(key, now);
      kind.changed(now, before);
    };
    const remove = (key: string) => {
      const before = items.get(key);
      if (before === undefined) return;
      items.delete(key);
      kind.changed(undefined, before);
    };
    const replace = (list: readonly T[]) => {
      const listed = new Set(list.map(kind.keyOf));
      for (const key of [...items.keys()]) if (!listed.has(key)) remove(key);
      for (const item of list) upsert(item);
      this.#listed(resource);
    };
    return { replace, upsert, remove };
  }

  #listed(resource: ListedResource): void {
    if (!this.#unlisted.delete(resource) || !this.synced) return;
    for (const listener of this.#listeners) listener.synced?.();
  }

  #podChanged(now: PodFacts | undefined, before: PodFacts | undefined): void {
    if (before !== undefined) this.#removeFromNode(before);
    if (now !== undefined) this.#addToNode(now);
    for (const listener of this.#listeners) listener.podChanged?.(now, before);
  }

  #addToNode(pod: PodFacts): void {
    if (pod.nodeName === null) return;
    const pods = this.#podsByNode.get(pod.nodeName) ?? new Map<string, PodFacts>();
    this.#podsByNode.set(pod.nodeName, pods.set(pod.uid, pod));
  }

  #removeFromNode(pod: PodFacts): void {
    if (pod.nodeName === null) return;
    const pods = this.#podsByNode.get(pod.nodeName);
    pods?.delete(pod.uid);
    if (pods?.size === 0) this.#podsByNode.delete(pod.nodeName);
  }

  #namespaceChanged(name: string): void {
    for (const listener of this.#listeners) listener.namespaceChanged?.(name);
  }

  #serviceAccountChanged(account: ServiceAccountFacts): void {
    for (const listener of this.#listeners) {
      listener.serviceAccountChanged?.(account.namespace, account.name);
    }
  }
}

interface Kind<T> {
  keyOf(item: T): string;
  same(a: T, b: T): boolean;
  keep(item: T): T;
  changed(now: T | undefined, before: T | undefined): void;
}

/** These facts are flat, so comparing every field covers new ones too. */
function sameFields<T extends object>(a: T, b: T): boolean {
  const keys = Object.keys({ ...a, ...b }) as (keyof T)[];
  return keys.every((key) => a[key] === b[key]);
}

function compactServiceAccount(
  account: ServiceAccountFacts,
  interner: Interner,
): ServiceAccountFacts {
  return {
    namespace: interner.intern(account.namespace),
    name: interner.intern(account.name),
    role: interner.intern(account.role),
    irsaRole: interner.intern(account.irsaRole),
    sessionPolicyArns: interner.intern(account.sessionPolicyArns),
  };
}
