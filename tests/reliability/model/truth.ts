/**
 * The real state of one node, and what reaches the API later: pods, their sandboxes, and the owner of
 * each address. The oracle for the agent's answers.
 */
import type { PodFacts } from "../../../src/policy/facts.ts";
import { podFacts } from "../../fakes/facts.ts";

/** The API server's clock is right. */
const epoch = Date.UTC(2026, 0, 1);

export const nodeName = "n1";
export const nodeAddress = "10.0.0.100";
/** Each a pod's two addresses. */
export const addressPairs = [1, 2, 3].map((n) => [`10.0.0.${n}`, `fd00::${n}`]);

/** Where READY sandboxes are recorded. */
interface Sandboxes {
  readonly ready: {
    set(id: string, sandbox: { readonly podUid: string; readonly ips: readonly string[] }): unknown;
    delete(id: string): unknown;
  };
}

interface Clock {
  monotonic(): number;
  after(ms: number, run: () => void): () => void;
}

export interface Delays {
  /** How long an address rests before it is given to another pod. */
  readonly restMs: number;
  /** The kubelet reports to the API within this time; null: only in a `report` step. */
  readonly kubeletMs: number | null;
}

interface LivePod {
  facts: PodFacts;
  /** Its sandbox's addresses; null without one. */
  addresses: readonly string[] | null;
  hadSandbox: boolean;
  deleting: boolean;
}

export type ApiEvent =
  | { readonly kind: "upsert"; readonly pod: PodFacts }
  | { readonly kind: "remove"; readonly uid: string };

interface TruthOptions {
  readonly clock: Clock;
  readonly sandboxes: Sandboxes;
  readonly delays: Delays;
  readonly send: (event: ApiEvent) => void;
  readonly pairs?: readonly (readonly string[])[];
}

export class Truth {
  readonly #clock: Clock;
  readonly #pairs: readonly (readonly string[])[];
  readonly #sandboxes: Sandboxes;
  readonly #delays: Delays;
  readonly #send: (event: ApiEvent) => void;
  readonly #pods = new Map<string, LivePod>();
  readonly #restsUntil = new Map<string, number>();
  /** What the kubelet hasn't reported yet. */
  #unreported: (() => void)[] = [];
  readonly api = new Map<string, PodFacts>();
  #created = 0;

  constructor({ clock, sandboxes, delays, send, pairs = addressPairs }: TruthOptions) {
    this.#clock = clock;
    this.#pairs = pairs;
    this.#sandboxes = sandboxes;
    this.#delays = delays;
    this.#send = send;
  }

  /** A pod under one of three names, as StatefulSets use theirs again; its role is its own. */
  create(name: number, hostNetwork: boolean): void {
    const uid = `00000000-0000-4000-8000-${String(++this.#created).padStart(12, "0")}`;
    const facts = podFacts({
      uid,
      name: `web-${name}`,
      nodeName,
      ips: [],
      hostNetwork,
      role: uid,
      createdAt: new Date(epoch + this.#clock.monotonic()).toISOString().replace(/\.\d+Z$/, "Z"),
    });
    this.#pods.set(uid, { facts, addresses: null, hadSandbox: false, deleting: false });
    this.#upsert(facts);
  }

  /** The runtime sets up a sandbox; the kubelet reports its addresses later. */
  startSandbox(nth: number, pair: number): void {
    const [pod] = this.#nth(nth, (one) => !one.hadSandbox && !one.deleting);
    const addresses = this.#pairs[pair % this.#pairs.length] ?? [];
    if (!pod || (!pod.facts.hostNetwork && !this.#free(addresses))) return;
    const { uid, hostNetwork } = pod.facts;
    pod.addresses = hostNetwork ? [] : addresses;
    pod.hadSandbox = true;
    this.#sandboxes.ready.set(`s-${uid}`, { podUid: uid, ips: pod.addresses });
    const ips = hostNetwork ? [nodeAddress] : [...addresses];
    this.#kubelet(() => this.#update(uid, (facts) => ({ ...facts, ips })));
  }

  /** A new pod gets the addresses, if they are free. */
  take(pair: number): void {
    this.create(pair, false);
    this.startSandbox(-1, pair);
  }

  /** The pod at the addresses ends, deleted or by itself. */
  vacate(pair: number, deleted: boolean): void {
    const uid = this.ownerOf(this.#pairs[pair]?.[0] ?? "")?.uid;
    const pod = this.#pods.get(uid ?? "");
    if (!pod) return;
    if (deleted) this.#delete(pod);
    this.#stop(pod);
  }

  /** Deletes the pod, which keeps running for a while. */
  delete(nth: number): void {
    const [pod] = this.#nth(nth, (one) => !one.deleting);
    if (pod) this.#delete(pod);
  }

  /** Ends its containers, which frees its addresses. */
  stopSandbox(nth: number): void {
    const [pod] = this.#nth(nth, (one) => one.addresses !== null);
    if (pod) this.#stop(pod);
  }

  #delete(pod: LivePod): void {
    pod.deleting = true;
    this.#update(pod.facts.uid, (facts) => ({ ...facts, terminating: true }));
  }

  #stop(pod: LivePod): void {
    const { uid } = pod.facts;
    for (const ip of pod.addresses ?? []) {
      this.#restsUntil.set(ip, this.#clock.monotonic() + this.#delays.restMs);
    }
    pod.addresses = null;
    this.#sandboxes.ready.delete(`s-${uid}`);
    this.#kubelet(() =>
      pod.deleting
        ? this.#remove(uid)
        : this.#update(uid, (facts) => ({ ...facts, terminal: true }))
    );
  }

  /** Force deletion: removes the pod from the API while its containers keep running. */
  deleteByForce(nth: number): void {
    const [pod] = this.#nth(nth, () => true);
    if (pod) this.#remove(pod.facts.uid);
  }

  /** Deletes all but the latest pods that have ended, as the control plane does. */
  collect(kept: number): void {
    const ended = [...this.api.values()].filter(({ terminal }) => terminal);
    for (const { uid } of ended.slice(0, Math.max(0, ended.length - kept))) this.#remove(uid);
  }

  /** The kubelet sends its next report, or all of them. */
  report(all: boolean): void {
    const now = this.#unreported.splice(0, all ? this.#unreported.length : 1);
    for (const send of now) send();
  }

  /** The pod at an address; undefined where none is. */
  ownerOf(ip: string): PodFacts | undefined {
    return [...this.#pods.values()].find(({ addresses }) => addresses?.includes(ip))?.facts;
  }

  #kubelet(send: () => void): void {
    const { kubeletMs } = this.#delays;
    const once = () => {
      if (!this.#unreported.includes(once)) return send();
      this.#unreported = this.#unreported.filter((other) => other !== once);
      send();
    };
    this.#unreported.push(once);
    if (kubeletMs !== null) {
      this.#clock.after(kubeletMs, () => {
        if (this.#unreported.includes(once)) once();
      });
    }
  }

  #free(addresses: readonly string[]): boolean {
    return addresses.every((ip) =>
      this.ownerOf(ip) === undefined &&
      (this.#restsUntil.get(ip) ?? -Infinity) <= this.#clock.monotonic()
    );
  }

  #nth(nth: number, fits: (pod: LivePod) => boolean): LivePod[] {
    const pods = [...this.#pods.values()].filter(fits);
    const chosen = pods.at(nth < 0 ? nth : nth % Math.max(1, pods.length));
    return chosen ? [chosen] : [];
  }

  #update(uid: string, change: (facts: PodFacts) => PodFacts): void {
    const facts = this.api.get(uid);
    if (facts) this.#upsert(change(facts));
  }

  #upsert(pod: PodFacts): void {
    this.api.set(pod.uid, pod);
    this.#send({ kind: "upsert", pod });
  }

  #remove(uid: string): void {
    if (this.api.delete(uid)) this.#send({ kind: "remove", uid });
    const pod = this.#pods.get(uid);
    if (pod && pod.addresses === null) this.#pods.delete(uid);
  }
}
