/**
 * A node: its kernel (processes, sockets and numbers that are used again at once), a kubelet that
 * starts and ends pods' sandboxes and reports them to the API later, the product's agent in a process
 * of its own, and the pods, which request credentials as SDKs do.
 */
import type { Registry } from "@prometheus-io/client";
import { type Agent, createAgent } from "../../src/agent/agent.ts";
import { KernelAccess } from "../../src/agent/identity/kernel_access.ts";
import { TokenKeyRing } from "../../src/agent/imds/token_keys.ts";
import { serverToken } from "../../src/agent/server_client/server_token.ts";
import type { KernelIdentity } from "../../src/kernel/kernel_identity.ts";
import { openKernel } from "../../src/kernel/open_kernel.ts";
import type { SavedSockets } from "../../src/kernel/used_sockets.ts";
import { agentSettings } from "../fakes/agent_settings.ts";
import { FakeProc, type FakeProcess, podCgroup } from "../fakes/fake_proc.ts";
import { jwt } from "../fakes/jwt.ts";
import { fakeSandboxes } from "../fakes/sandboxes.ts";
import type { PodNetwork } from "./cluster_truth.ts";
import { listenPort, metadataEnds, type PodAnswer, PodRequests, tokenEnd } from "./pod_requests.ts";
import type { Random } from "./random.ts";
import type { Identity } from "./scenario.ts";
import type { ApiObject, SimulatedApi } from "./simulated_api.ts";
import { MountedBundle } from "./simulated_certificates.ts";
import { type Around, metricOf } from "./simulated_server.ts";
import { tracedLog } from "./trace.ts";
import { tracedFrames } from "./traced_frames.ts";
import { Machine, Process } from "./virtual_clock.ts";

export interface SimulatedPod {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly node: string;
  readonly network: PodNetwork;
  /** Of the connections that it has open. */
  readonly ports: Set<number>;
  /** While its sandbox runs; on the host's network the node's, which the sandbox doesn't have. */
  addresses: readonly string[];
  /** Since when its sandbox has run; the simulation's clock. */
  since: number;
  process: FakeProcess | null;
}

export interface NodeOptions extends Around {
  readonly api: SimulatedApi;
  readonly random: Random;
  readonly identity: Identity;
  readonly servers: readonly string[];
  readonly answered: (answer: PodAnswer) => void;
  /** The API no longer has the pod. */
  readonly removed: (uid: string) => void;
}

const tokenMs = 600_000;
/** By address, nothing but rest keeps an address from being answered for its last pod. */
const restMs = { kernel: 0, runtime: 300, address: 45_000 };
/** Few, so that they are used again at once; the others are for a rush. */
const usualAddresses = 8;
const addressesPerNode = 120;
/** What reading a table costs in processor time. */
const readMs = 3;

export interface RunningAgent {
  readonly process: Process;
  readonly agent: Agent;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
  readonly registry: () => Promise<Registry>;
}

export class SimulatedNode {
  readonly name: string;
  readonly machine: Machine;
  readonly pods = new Map<string, SimulatedPod>();
  /** null while no agent runs. */
  running: RunningAgent | null = null;
  /** The container runtime, in a mood of its own. */
  readonly sandboxes = fakeSandboxes();
  readonly #options: NodeOptions;
  readonly #ip: string;
  readonly #ipv6: string;
  readonly #agentUid: string;
  /** Each an IPv4 and an IPv6 address. */
  readonly #free: { readonly pair: readonly [string, string]; since: number }[];
  #proc!: FakeProc;
  #kernel: KernelIdentity | null = null;
  #usedSockets: SavedSockets = {};
  readonly #keys: TokenKeyRing;
  #token: { text: string; at: number } | null = null;
  /** The process that reads the kernel's tables. */
  #reader: Process | null = null;
  readonly #readDelays: Random;
  #tableReads = 0;
  readonly #requests: PodRequests;
  readonly #bundle: MountedBundle;
  #boots = 0;
  #procIsReadable = true;
  /** When /proc last couldn't be read, or the container runtime didn't answer. */
  #blindAt = -Infinity;

  constructor(number: number, options: NodeOptions) {
    const { random } = options;
    this.name = `node-${number}`;
    this.machine = new Machine(this.name, options.clock);
    this.#options = options;
    this.#ip = `10.${number}.0.1`;
    this.#ipv6 = `fd00:${number}::ffff`;
    this.#agentUid = `00000000-0000-4000-9000-${String(number).padStart(12, "0")}`;
    this.#free = Array.from(
      { length: addressesPerNode },
      (_, n) => ({ pair: this.#pair(n + 1), since: -Infinity }),
    );
    this.#keys = new TokenKeyRing({ random: (bytes) => random.bytes(bytes) });
    this.#readDelays = random.fork("reads");
    const { clock, answered } = options;
    this.#bundle = new MountedBundle(clock, random.fork("bundle"), options.api);
    this.#requests = new PodRequests({
      clock,
      random,
      node: this,
      ips: [this.#ip, this.#ipv6],
      proc: () => this.#proc,
      answered,
    });
    options.api.put("pods", this.#agentPod());
    this.#boot();
  }

  get identity(): Identity {
    return this.#options.identity;
  }

  #pair(last: number): readonly [ipv4: string, ipv6: string] {
    const number = this.name.slice(5);
    return [`10.${number}.1.${last}`, `fd00:${number}::${last.toString(16)}`];
  }

  /** Its agent can read what it identifies pods by, besides what servers send. */
  get sees(): boolean {
    if (this.identity === "kernel") return this.#procIsReadable;
    return this.identity === "address" || this.sandboxes.mode === "answers";
  }

  /** When it last couldn't. */
  get blindAt(): number {
    return this.sees ? this.#blindAt : this.#options.clock.time;
  }

  set procIsReadable(is: boolean) {
    this.#blindAt = this.blindAt;
    this.#procIsReadable = is;
    this.#breakProc();
  }

  set runtimeMode(mode: typeof this.sandboxes.mode) {
    this.#blindAt = this.blindAt;
    this.sandboxes.mode = mode;
    this.sandboxes.release();
  }

  #breakProc(): void {
    if (this.#procIsReadable) this.#proc.broken.clear();
    else this.#proc.broken.set(/net\/tcp/, "EACCES");
  }

  async startAgent(): Promise<void> {
    if (this.running !== null) return;
    const { clock, network, random, identity, servers, trace } = this.#options;
    const name = `agent-${this.name.slice(5)}`;
    const process = new Process(name, this.machine, clock);
    const log = tracedLog(trace, name);
    const stop = new AbortController();
    const kernel = identity === "kernel" ? this.#kernelAccess(process) : null;
    await kernel?.open();
    if (this.running !== null) return;
    const client = {
      fetch: (url: string, { address = "", ...init }: { address?: string } = {}) => {
        const reads = tracedFrames(trace, name, address);
        const from = { process, host: this.name, trusted: this.#bundle.trusted, reads };
        return network.fetch(from, address, url, init);
      },
    };
    const agent = createAgent({
      settings: { ...agentSettings, hostIp: this.#ip, identity, containerCredentials: [tokenEnd] },
      about: { version: "1", runtime: "simulated" },
      clock: process,
      log,
      random: () => random.next(),
      access: () => Promise.resolve({ client, token: serverToken(this.#currentToken())! }),
      resolve: () => Promise.resolve(servers),
      upstream: () => Promise.resolve({ status: 200, headers: [], body: "of the node" }),
      tokenKeys: this.#keys,
      redirect: null,
      bootGuard: null,
      kernel,
      runtime: identity === "runtime" ? this.sandboxes : null,
    });
    const ended = agent.run(stop.signal);
    this.running = { process, agent, stop, ended, registry: () => agent.metrics() };
    process.atEnd(() => void (this.running = null));
  }

  /** SIGTERM; settles once it has let go of everything. */
  async endAgent(): Promise<void> {
    this.running?.stop.abort();
    await this.running?.ended;
  }

  metric(name: string): Promise<number> {
    return this.running!.registry().then((registry) => metricOf(registry, name));
  }

  /** Power is lost and comes back: every process ends, and the kubelet starts the pods again. */
  reboot(): void {
    this.running?.process.die();
    const pods = [...this.pods.values()].filter(isRunning);
    for (const pod of pods) this.#endSandbox(pod);
    this.#boot();
    for (const pod of pods) {
      this.#report(pod);
      this.#startLater(pod);
    }
  }

  /** The scheduler has chosen this node. */
  create(pod: SimulatedPod): void {
    this.pods.set(pod.uid, pod);
    this.#startLater(pod);
  }

  /** The kubelet ends it after a while and then removes its object. */
  delete(uid: string): void {
    const { clock, random, api } = this.#options;
    const object = api.object("pods", uid);
    if (object === undefined || object.metadata.deletionTimestamp !== undefined) return;
    const deletionTimestamp = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, "Z");
    api.put("pods", { ...object, metadata: { ...object.metadata, deletionTimestamp } });
    clock.after(random.next() * 4_000, () => {
      this.#gone(uid);
      clock.after(random.next() * 3_000, () => this.#remove(uid));
    });
  }

  /** Its object goes at once; the kubelet notices later. */
  forceDelete(uid: string): void {
    const { clock, random } = this.#options;
    this.#remove(uid);
    clock.after(random.next() * 2_000, () => this.#gone(uid));
  }

  /** Its containers end for good; false if they don't run. The object keeps the address. */
  complete(uid: string): boolean {
    const { api } = this.#options;
    const pod = this.pods.get(uid);
    const object = api.object("pods", uid);
    if (pod === undefined || !isRunning(pod) || object === undefined) return false;
    api.put("pods", { ...object, status: { ...object.status, phase: "Succeeded" } });
    this.#gone(uid);
    return true;
  }

  /** As the kubelet does it: in the same sandbox, and PIDs may have been those of other processes. */
  restartContainers(uid: string): void {
    const pod = this.pods.get(uid);
    if (pod === undefined || pod.process === null) return;
    const { cgroup, namespace } = pod.process;
    const next = this.#proc.start({ cgroup, namespace });
    this.#proc.exit(pod.process);
    pod.process = next;
  }

  #remove(uid: string): void {
    this.#options.api.remove("pods", uid);
    this.#options.removed(uid);
  }

  #gone(uid: string): void {
    const pod = this.pods.get(uid);
    if (pod === undefined) return;
    this.pods.delete(uid);
    if (isRunning(pod)) this.#endSandbox(pod);
  }

  /** A fresh kernel: numbers start again from the beginning. */
  #boot(): void {
    this.#boots++;
    this.#proc = new FakeProc(this.#agentUid);
    this.#proc.reusesNumbers = true;
    this.#proc.beforeRead = (path) => this.#reading(path);
    this.#breakProc();
    this.#usedSockets = {};
    this.sandboxes.ready.clear();
  }

  #startLater(pod: SimulatedPod): void {
    const { clock, random } = this.#options;
    const boot = this.#boots;
    clock.after(100 + random.next() * 1_500, () => {
      if (this.#boots === boot && this.pods.get(pod.uid) === pod) this.#start(pod);
    });
  }

  #start(pod: SimulatedPod): void {
    const { clock, random, trace } = this.#options;
    const addresses = this.#addressesFor(pod);
    // None is free: the kubelet tries again.
    if (addresses === null) return this.#startLater(pod);
    pod.addresses = addresses;
    pod.since = clock.time;
    const isOnHost = pod.network === "host-network";
    pod.process = this.#proc.start({
      cgroup: podCgroup(pod.uid),
      namespace: isOnHost ? this.#proc.node : this.#proc.namespace(addresses),
    });
    this.sandboxes.ready.set(pod.uid, { podUid: pod.uid, ips: isOnHost ? [] : addresses });
    trace.add(this.name, `${pod.name} starts at ${addresses}`);
    this.#report(pod);
    clock.after(random.next() * 1_000, () => void this.#requests.live(pod, addresses));
  }

  #addressesFor({ network }: SimulatedPod): readonly string[] | null {
    const { clock, identity } = this.#options;
    if (network === "host-network") return [this.#ip];
    const isFull = this.pods.size > usualAddresses;
    const rested = this.#free.findIndex(({ pair: [address], since }) =>
      (isFull || isUsual(address)) && clock.time - since >= restMs[identity]
    );
    if (rested < 0) return null;
    const { pair } = this.#free.splice(rested, 1)[0]!;
    return network === "dual-stack" ? pair : pair.slice(0, 1);
  }

  #endSandbox(pod: SimulatedPod): void {
    const { clock, trace } = this.#options;
    trace.add(this.name, `${pod.name} ends at ${pod.addresses}`);
    this.#proc.exit(pod.process!);
    pod.ports.clear();
    this.sandboxes.ready.delete(pod.uid);
    // The address that was freed last is used first.
    if (pod.network !== "host-network") {
      this.#free.unshift({ pair: this.#pair(lastPart(pod.addresses[0]!)), since: clock.time });
    }
    pod.addresses = [];
    pod.process = null;
  }

  /** The kubelet writes the pod's status as it is then. */
  #report(pod: SimulatedPod): void {
    const { clock, random, api } = this.#options;
    clock.after(random.next() * 1_500, () => {
      const object = api.object("pods", pod.uid);
      if (object === undefined || object.status?.["phase"] === "Succeeded") return;
      const podIPs = pod.addresses.map((ip) => ({ ip }));
      const [first] = pod.addresses;
      const status = first === undefined
        ? { phase: "Pending" }
        : { phase: "Running", podIP: first, podIPs };
      api.put("pods", { ...object, status });
    });
  }

  #kernelAccess(process: Process): KernelAccess {
    const { trace } = this.#options;
    const proc = this.#proc;
    this.#reader = process;
    const open = async () => {
      const opened = await openKernel({
        files: proc,
        clock: process,
        cpuMs: () => this.#tableReads * readMs,
        metadata: metadataEnds,
        listening: [this.#ip, this.#ipv6].map((address) => ({ address, port: listenPort })),
        redirectedTo: new Set([this.#ip, this.#ipv6]),
        usedChanged: () => {
          if (this.#kernel !== null && process.isAlive) this.#usedSockets = this.#kernel.save();
        },
        saved: this.#usedSockets,
      });
      if (opened.kind === "opened") this.#kernel = opened.kernel;
      return opened;
    };
    const log = tracedLog(trace, process.name);
    return new KernelAccess({ path: "/host/proc", open, clock: process, log });
  }

  /** A table's read takes a while, in which processes and sockets change. */
  #reading(path: string): Promise<void> | void {
    if (!/net\/tcp6?$/.test(path)) return;
    this.#tableReads++;
    const { clock } = this.#options;
    return new Promise((resolve) => {
      clock.after(this.#readDelays.next() * 8, () => this.#reader?.receive(resolve));
    });
  }

  #currentToken(): string {
    const { clock } = this.#options;
    if (this.#token === null || clock.time - this.#token.at > tokenMs * 0.8) {
      const exp = Math.floor((clock.now() + tokenMs) / 1000);
      const claims = { aud: ["rolecall-server"], exp, sub: "agent", uid: this.#agentUid };
      this.#token = { text: jwt(claims), at: clock.time };
    }
    return this.#token.text;
  }

  #agentPod(): ApiObject {
    return {
      kind: "Pod",
      metadata: {
        uid: this.#agentUid,
        namespace: "rolecall",
        name: `rolecall-agent-${this.name}`,
        creationTimestamp: "2026-01-01T00:00:00Z",
      },
      spec: { nodeName: this.name, serviceAccountName: "rolecall-agent", hostNetwork: true },
      status: { phase: "Running", podIP: this.#ip, podIPs: [{ ip: this.#ip }] },
    };
  }
}

function isUsual(address: string): boolean {
  return lastPart(address) <= usualAddresses;
}

function lastPart(ipv4: string): number {
  return Number(ipv4.split(".")[3]);
}

export function isRunning({ addresses }: Pick<SimulatedPod, "addresses">): boolean {
  return addresses.length > 0;
}
