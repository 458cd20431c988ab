/** What users do to pods, namespaces and ServiceAccounts: the API is changed, and the truth with it. */
import {
  accountKey,
  accountObject,
  type Annotations,
  type ClusterTruth,
  namespaceObject,
  type NamespaceState,
  type PodNetwork,
  podObject,
  type PodState,
} from "./cluster_truth.ts";
import { roles } from "./faults.ts";
import type { Random } from "./random.ts";
import type { SimulatedApi } from "./simulated_api.ts";
import type { SimulatedNode } from "./simulated_node.ts";
import type { VirtualClock } from "./virtual_clock.ts";

interface UsersOptions {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly api: SimulatedApi;
  readonly truth: ClusterTruth;
  readonly node: (name: string) => SimulatedNode | undefined;
}

/** How often a namespace that is being deleted looks for what is left in it. */
const emptiedMs = 500;

export class SimulatedUsers {
  readonly #options: UsersOptions;
  readonly #namespaces = new Map<string, NamespaceState>();
  readonly #accounts = new Map<string, Annotations>();
  readonly #pods = new Map<string, PodState>();

  constructor(options: UsersOptions) {
    this.#options = options;
  }

  /** Everything that these nodes' pods need from STS now. */
  sessions(nodes: readonly string[]): ReadonlySet<string> {
    const wanted = [...this.#pods.values()].filter(({ node }) => nodes.includes(node))
      .map(({ uid }) => this.#options.truth.now(uid)!.what);
    return new Set(
      wanted.filter((what) => what.includes(" "))
        .flatMap((what) => [what, ...what.split(" by ").slice(1)]),
    );
  }

  /** The API no longer has the pod. */
  removed(uid: string): void {
    this.#options.truth.pod(uid, null, this.#options.clock.time);
  }

  /** Unless there is one of that name. It permits every role. */
  createNamespace(name: string): void {
    if (this.#namespaces.has(name)) return;
    this.#putNamespace({
      name,
      permits: roles,
      externalId: null,
      trustRole: null,
      annotations: {},
      ending: false,
    });
  }

  /** Everything in it goes, in any order, and then the namespace itself. */
  deleteNamespace(name: string): void {
    const state = this.#namespaces.get(name);
    if (state === undefined || state.ending) return;
    this.#putNamespace({ ...state, ending: true });
    for (const pod of this.#podsIn(name)) this.delete(pod.name);
    const { clock, random } = this.#options;
    for (const key of [...this.#accounts.keys()].filter((key) => key.startsWith(`${name}/`))) {
      clock.after(random.next() * 4_000, () => this.#removeAccount(key));
    }
    this.#endNamespace(name);
  }

  changeNamespace(name: string, change: Partial<NamespaceState>): void {
    const state = this.#namespaces.get(name);
    if (state !== undefined && !state.ending) this.#putNamespace({ ...state, ...change });
  }

  /** `target` is a pod, a namespace, or `NAMESPACE/ACCOUNT`; value `none` removes the annotation. */
  annotate(target: string, key: string, value: string): void {
    const changed = ({ [key]: _, ...others }: Annotations) =>
      value === "none" ? others : { ...others, [key]: value };
    const pod = this.#pods.get(target);
    if (pod !== undefined) this.#changePod({ ...pod, annotations: changed(pod.annotations) });
    const namespace = this.#namespaces.get(target);
    if (namespace !== undefined) {
      this.changeNamespace(target, { annotations: changed(namespace.annotations) });
    }
    const account = this.#accounts.get(target);
    if (account !== undefined) this.#putAccount(target, changed(account));
  }

  create(
    name: string,
    nodeName: string,
    { namespace, account, role, network }: {
      readonly namespace: string;
      readonly account: string;
      readonly role: string;
      readonly network: PodNetwork;
    },
  ): void {
    const { clock, api } = this.#options;
    const node = this.#options.node(nodeName);
    const into = this.#namespaces.get(namespace);
    if (node === undefined || this.#pods.has(name) || (into?.ending ?? true)) return;
    const uid = `00000000-0000-4000-8000-${name.replace(/\D/g, "").padStart(12, "0")}`;
    const pod: PodState = {
      uid,
      name,
      namespace,
      account,
      node: nodeName,
      network,
      role: role === "none" ? null : role,
      createdAt: new Date(clock.now()).toISOString().replace(/\.\d+Z$/, "Z"),
      annotations: {},
      completed: false,
    };
    const key = accountKey(pod);
    if (!this.#accounts.has(key)) this.#putAccount(key, {});
    this.#putPod(pod);
    api.put("pods", podObject(pod));
    node.create({
      uid,
      name,
      namespace,
      node: nodeName,
      network,
      ports: new Set(),
      addresses: [],
      since: 0,
      process: null,
    });
  }

  delete(name: string): void {
    this.#ended(name, (node, uid) => node.delete(uid));
  }

  forceDelete(name: string): void {
    this.#ended(name, (node, uid) => node.forceDelete(uid));
  }

  /** Its containers end for good, as a Job's do; the object stays until it is deleted. */
  complete(name: string): void {
    const pod = this.#pods.get(name);
    if (pod === undefined || pod.completed) return;
    const node = this.#options.node(pod.node)!;
    if (node.complete(pod.uid)) this.#putPod({ ...pod, completed: true });
  }

  /** Its processes end, and others take their place. */
  restartContainers(name: string): void {
    const pod = this.#pods.get(name);
    if (pod !== undefined) this.#options.node(pod.node)!.restartContainers(pod.uid);
  }

  setRole(name: string, role: string): void {
    const pod = this.#pods.get(name);
    if (pod !== undefined) this.#changePod({ ...pod, role: role === "none" ? null : role });
  }

  #podsIn(namespace: string): readonly PodState[] {
    return [...this.#pods.values()].filter((pod) => pod.namespace === namespace);
  }

  #ended(name: string, end: (node: SimulatedNode, uid: string) => void): void {
    const pod = this.#pods.get(name);
    if (pod === undefined) return;
    this.#pods.delete(name);
    end(this.#options.node(pod.node)!, pod.uid);
  }

  #endNamespace(name: string): void {
    const { clock, api, truth } = this.#options;
    const isIn = ({ metadata }: { readonly metadata: { readonly namespace?: string } }) =>
      metadata.namespace === name;
    const left = [...api.objects("pods"), ...api.objects("serviceaccounts")].some(isIn);
    if (left) return void clock.after(emptiedMs, () => this.#endNamespace(name));
    this.#namespaces.delete(name);
    truth.namespace(name, null, clock.time);
    api.remove("namespaces", name);
  }

  #changePod(pod: PodState): void {
    const { api } = this.#options;
    const object = api.object("pods", pod.uid);
    if (object === undefined) return;
    const { annotations } = podObject(pod).metadata;
    this.#putPod(pod);
    api.put("pods", { ...object, metadata: { ...object.metadata, annotations: annotations! } });
  }

  #putPod(pod: PodState): void {
    this.#pods.set(pod.name, pod);
    this.#options.truth.pod(pod.uid, pod, this.#options.clock.time);
  }

  #putNamespace(state: NamespaceState): void {
    this.#namespaces.set(state.name, state);
    this.#options.truth.namespace(state.name, state, this.#options.clock.time);
    this.#options.api.put("namespaces", namespaceObject(state));
  }

  #putAccount(key: string, annotations: Annotations): void {
    this.#accounts.set(key, annotations);
    this.#options.truth.account(key, annotations, this.#options.clock.time);
    this.#options.api.put("serviceaccounts", accountObject(key, annotations));
  }

  #removeAccount(key: string): void {
    this.#accounts.delete(key);
    this.#options.truth.account(key, {}, this.#options.clock.time);
    this.#options.api.remove("serviceaccounts", key);
  }
}
