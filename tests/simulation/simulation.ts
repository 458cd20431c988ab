/** A whole cluster that follows a scenario; then its faults end, and everything has to be right. */
import { Checks, slowlySettledMs, type Violation } from "./checks.ts";
import {
  ClusterTruth,
  namespaceObject,
  type NamespaceState,
  podObject,
  type PodState,
} from "./cluster_truth.ts";
import { namespaceNames, roles } from "./faults.ts";
import { Health, settledMs } from "./health.ts";
import { Random } from "./random.ts";
import { kindOf, type Scenario, type Step, type StepKind } from "./scenario.ts";
import { type ApiMood, SimulatedApi } from "./simulated_api.ts";
import { SimulatedNetwork } from "./simulated_network.ts";
import { type PodAnswer, SimulatedNode } from "./simulated_node.ts";
import { type Around, SimulatedServer } from "./simulated_server.ts";
import { SimulatedSts, type StsMood } from "./simulated_sts.ts";
import { Trace } from "./trace.ts";
import { Machine, Process, VirtualClock } from "./virtual_clock.ts";

export interface Outcome {
  readonly violations: readonly Violation[];
  readonly trace: string;
  readonly figures: Figures;
}

export interface Figures {
  readonly nodeHours: number;
  readonly events: number;
  readonly answers: number;
  readonly credentials: number;
  readonly strict: number;
  readonly forged: number;
  readonly stsCalls: number;
  /** Of the steps that were taken. */
  readonly steps: readonly StepKind[];
}

/** Within this time each pod visits twice, however slow the answers are. */
const roundMs = 100_000;
/** What may be left by processes that have ended: nothing after this. */
const leftMs = 61_000;

/** Ends at the first violation. */
export async function simulate(scenario: Scenario): Promise<Outcome> {
  const simulation = new Simulation(scenario);
  await simulation.run();
  return simulation.outcome();
}

class Simulation implements Around {
  readonly clock = new VirtualClock();
  readonly trace = new Trace(() => this.clock.time / 1000);
  readonly network: SimulatedNetwork;
  readonly sts: SimulatedSts;
  readonly authority = { current: "ca-1" };
  readonly #scenario: Scenario;
  readonly #random: Random;
  readonly #api: SimulatedApi;
  readonly #truth = new ClusterTruth();
  readonly #checks: Checks;
  readonly #nodes = new Map<string, SimulatedNode>();
  readonly #servers = new Map<string, SimulatedServer>();
  readonly #serverMachines = new Map<string, Machine>();
  readonly #health = new Map<string, Health>();
  readonly #namespaces = new Map<string, NamespaceState>();
  readonly #pods = new Map<string, PodState>();
  readonly #steps: StepKind[] = [];
  #trusted: ReadonlySet<string> = new Set(["ca-1"]);
  #starts = 0;
  /** When a clock was last ahead. */
  #aheadAt = -Infinity;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#random = new Random(`run ${scenario.setting.seed}`);
    const { clock } = this;
    this.network = new SimulatedNetwork(clock, this.#random.fork("network"));
    this.#api = new SimulatedApi(clock);
    this.sts = new SimulatedSts(
      clock,
      this.#random.fork("sts"),
      (what) => this.#checks.add("sts-limits", what),
    );
    this.sts.offsetMs = this.#random.fork("sts clock").between(-2_000, 2_000);
    this.#checks = new Checks({
      truth: this.#truth,
      sts: this.sts,
      health: (node) => this.#health.get(node)!,
      time: () => clock.time,
      now: () => clock.now(),
      slowSince: () => this.#slowSince(),
    });
    this.network.listen("api", {
      process: new Process("api", new Machine("api"), clock),
      answer: (request) => this.#api.answer(request),
      distrust: () => null,
    });
  }

  async run(): Promise<void> {
    await this.#begin();
    const { steps, setting: { seconds } } = this.#scenario;
    for (const step of steps) {
      await this.#until(step.at * 1000);
      if (this.#isOver()) return;
      this.#take(step);
    }
    await this.#until(seconds * 1000);
    if (this.#isOver()) return;
    await this.#heal();
    if (this.#isOver()) return;
    await this.#end();
  }

  outcome(): Outcome {
    this.#traceViolations();
    const { counts, violations } = this.#checks;
    return {
      violations,
      trace: this.trace.text(),
      figures: {
        nodeHours: this.clock.time / 3_600_000 * this.#nodes.size,
        events: this.clock.events,
        ...counts,
        stsCalls: this.sts.calls,
        steps: this.#steps,
      },
    };
  }

  #isOver(): boolean {
    return this.#checks.violations.length > 0;
  }

  /** Stops early, a second after a violation. */
  async #until(time: number): Promise<void> {
    while (this.clock.time < time && !this.#isOver()) {
      await this.clock.runUntil(Math.min(time, this.clock.time + 1_000));
      if (this.clock.isStuck) this.#checks.add("busy", "a timer is set again and again");
    }
  }

  async #begin(): Promise<void> {
    const { nodes, servers, identity } = this.#scenario.setting;
    this.#api.put("namespaces", { kind: "Namespace", metadata: { name: "rolecall" } });
    for (const name of namespaceNames) {
      this.#putNamespace({ name, permits: roles, externalId: null, trustRole: null });
    }
    const names = Array.from({ length: servers }, (_, n) => `server-${n + 1}`);
    for (let n = 1; n <= nodes; n++) {
      const node = new SimulatedNode(n, {
        clock: this.clock,
        network: this.network,
        sts: this.sts,
        trace: this.trace,
        authority: this.authority,
        api: this.#api,
        random: this.#random.fork(`node ${n}`),
        identity,
        servers: names,
        trusted: () => this.#trusted,
        answered: (answer) => this.#answered(answer),
        removed: (uid) => this.#truth.pod(uid, null, this.clock.time),
      });
      this.#nodes.set(node.name, node);
      this.#health.set(node.name, new Health());
    }
    for (const name of names) {
      this.#serverMachines.set(name, new Machine(name));
      this.#startServer(name);
    }
    for (const node of this.#nodes.values()) void node.startAgent();
    await this.clock.runUntil(1);
    this.#updateHealth();
  }

  #answered(answer: PodAnswer): void {
    const { pod, node, forged } = answer;
    const line = this.#checks.answered(answer);
    this.trace.add(node.name, `${pod.name} ${forged ? "forges a request" : "requests"}: ${line}`);
    this.#traceViolations();
  }

  #traced = 0;

  #traceViolations(): void {
    for (; this.#traced < this.#checks.violations.length; this.#traced++) {
      const { rule, text } = this.#checks.violations[this.#traced]!;
      this.trace.add("CHECK", `${rule}: ${text}`);
    }
  }

  #startServer(name: string): void {
    if (this.#servers.get(name)?.process.isAlive) return;
    const random = this.#random.fork(`${name} ${++this.#starts}`);
    this.#servers.set(
      name,
      new SimulatedServer(name, this.#serverMachines.get(name)!, random, this),
    );
  }

  /** The process of that name that runs, if any. */
  #process(name: string): Process | undefined {
    const node = this.#nodes.get(name.replace("agent", "node"));
    return this.#servers.get(name)?.process ?? node?.running?.process;
  }

  #machine(name: string): Machine | undefined {
    return this.#serverMachines.get(name) ??
      this.#nodes.get(name.replace("agent", "node"))?.machine;
  }

  #take(step: Step): void {
    const { words } = step;
    const [command = "", a = "", b = "", ...more] = words;
    this.trace.add("STEP", words.join(" "));
    this.#steps.push(kindOf(step));
    const perform = this.#commands[command];
    if (perform === undefined) throw new Error(`scenario: no command ${command}`);
    perform(a, b, ...more);
    this.#updateHealth();
  }

  readonly #commands: Readonly<Record<string, (a: string, b: string, ...more: string[]) => void>> =
    {
      create: (name, node, namespace, account, role) =>
        this.#create(name, node, { namespace: namespace!, account: account!, role: role! }),
      delete: (name) => this.#ended(name, (node, uid) => node.delete(uid)),
      "force-delete": (name) => this.#ended(name, (node, uid) => node.forceDelete(uid)),
      "set-role": (name, role) => this.#setRole(name, role),
      permit: (name, list) =>
        this.#setNamespace(name, { permits: list === "nothing" ? [] : list.split(",") }),
      "external-id": (name, number) =>
        this.#setNamespace(name, {
          externalId: number === "none" ? null : `ext/${name}/${number}`,
        }),
      "trust-role": (name, number) =>
        this.#setNamespace(name, {
          trustRole: number === "none" ? null : `trust/${name}/${number}`,
        }),
      kill: (name) => this.#process(name)?.die(),
      start: (name) => {
        if (this.#serverMachines.has(name)) this.#startServer(name);
        else void this.#nodes.get(name.replace("agent", "node"))?.startAgent();
      },
      stop: (name) => this.#process(name)?.stop(),
      continue: (name) => this.#process(name)?.continue(),
      cut: (a, b) => this.network.cut(a, b),
      mend: (a, b) => this.network.mend(a, b),
      isolate: (name) => this.#others(name).forEach((other) => this.network.cut(name, other)),
      join: (name) => this.#others(name).forEach((other) => this.network.mend(name, other)),
      slow: (a, b, ms) => this.network.slow(a, b, Number(ms)),
      duplicate: (a, b) => this.network.duplicate(a, b),
      reset: (a, b) => this.network.reset(a, b),
      reboot: (name) => {
        const node = this.#nodes.get(name);
        node?.reboot();
        void node?.startAgent();
      },
      clock: (name, seconds) => {
        this.#setClock(this.#machine(name), Number(seconds) * 1000);
      },
      api: (mood) => void (this.#api.mood = mood as ApiMood),
      "api-forgets": () => this.#api.forget(),
      "api-cuts-watches": () => this.#api.cutWatches(),
      "api-hides-deletions": (on) => {
        this.#api.hidesDeletions = on === "on";
        if (on === "off") this.#api.forget();
      },
      sts: (mood) => void (this.sts.mood = mood as StsMood),
      runtime: (name, mood) => {
        const node = this.#nodes.get(name);
        if (node === undefined) return;
        node.sandboxes.mode = mood as "answers" | "down" | "hangs";
        node.sandboxes.release();
      },
      trust: (names) => void (this.#trusted = new Set(names.split(","))),
      "sign-with": (name) => void (this.authority.current = name),
    };

  /** Every host that one exchanges messages with. */
  #others(name: string): readonly string[] {
    const servers = [...this.#serverMachines.keys()];
    return this.#serverMachines.has(name) ? ["api", "sts", ...this.#nodes.keys()] : servers;
  }

  #setClock(machine: Machine | undefined, offsetMs: number): void {
    if (machine === undefined) return;
    if (machine.offsetMs > 0) this.#aheadAt = this.clock.time;
    machine.offsetMs = offsetMs;
  }

  /** STS refused a role, or a clock was ahead. */
  #slowSince(): number {
    const nodes = [...this.#nodes.values()].map(({ machine }) => machine);
    const machines = [...nodes, ...this.#serverMachines.values()];
    if (machines.some(({ offsetMs }) => offsetMs > 0)) return this.clock.time;
    return Math.max(this.sts.deniedAt, this.#aheadAt);
  }

  #create(
    name: string,
    nodeName: string,
    { namespace, account, role }: { namespace: string; account: string; role: string },
  ): void {
    const node = this.#nodes.get(nodeName);
    if (node === undefined || this.#pods.has(name)) return;
    const uid = `00000000-0000-4000-8000-${name.replace(/\D/g, "").padStart(12, "0")}`;
    const pod: PodState = {
      uid,
      name,
      namespace,
      account,
      node: nodeName,
      role: role === "none" ? null : role,
      createdAt: new Date(this.clock.now()).toISOString().replace(/\.\d+Z$/, "Z"),
    };
    this.#putPod(pod);
    this.#api.put("pods", podObject(pod));
    node.create({
      uid,
      name,
      namespace,
      node: nodeName,
      ports: new Set(),
      address: null,
      since: 0,
      process: null,
    });
  }

  #ended(name: string, end: (node: SimulatedNode, uid: string) => void): void {
    const pod = this.#pods.get(name);
    if (pod === undefined) return;
    this.#pods.delete(name);
    end(this.#nodes.get(pod.node)!, pod.uid);
  }

  #setRole(name: string, role: string): void {
    const pod = this.#pods.get(name);
    const object = pod && this.#api.object("pods", pod.uid);
    if (pod === undefined || object === undefined) return;
    const changed = { ...pod, role: role === "none" ? null : role };
    const { annotations } = podObject(changed).metadata;
    this.#putPod(changed);
    this.#api.put("pods", {
      ...object,
      metadata: { ...object.metadata, annotations: annotations! },
    });
  }

  #putPod(pod: PodState): void {
    this.#pods.set(pod.name, pod);
    this.#truth.pod(pod.uid, pod, this.clock.time);
  }

  #setNamespace(name: string, change: Partial<NamespaceState>): void {
    this.#putNamespace({ ...this.#namespaces.get(name)!, ...change });
  }

  #putNamespace(state: NamespaceState): void {
    this.#namespaces.set(state.name, state);
    this.#truth.namespace(state, this.clock.time);
    this.#api.put("namespaces", namespaceObject(state));
  }

  #updateHealth(): void {
    const right = (machine: Machine) => Math.abs(machine.offsetMs) < 30_000;
    const runs = (process: Process | undefined) =>
      process !== undefined && process.isAlive && !process.isStopped;
    const trusts = this.#trusted.has(this.authority.current);
    for (const node of this.#nodes.values()) {
      const agent = runs(node.running?.process) && right(node.machine) && trusts &&
        node.sandboxes.mode === "answers";
      const pairs = [...this.#servers].map(([name, { process }]) => {
        const works = agent && this.#api.isWell && runs(process) && right(process.machine) &&
          this.network.isWhole(name, "api") && this.network.isWhole(name, node.name);
        return [name, works] as const;
      });
      const all = pairs.every(([, works]) => works);
      const reaches = [...this.#servers.keys()].every((name) => this.network.isWhole(name, "sts"));
      const issuing = all && reaches && this.sts.mood === "well";
      const health = { all, pairs: new Map(pairs), issuing };
      this.#health.get(node.name)!.update(health, this.clock.time);
    }
  }

  /** All faults end; after a while each pod gets what it should. */
  async #heal(): Promise<void> {
    this.trace.add("STEP", "all faults end");
    this.network.mendAll();
    this.sts.mood = "well";
    const hid = this.#api.hidesDeletions;
    this.#api.hidesDeletions = false;
    this.#api.mood = "well";
    if (hid) this.#api.forget();
    this.#trusted = new Set([this.authority.current]);
    for (const machine of this.#serverMachines.values()) this.#setClock(machine, 0);
    for (const { process } of this.#servers.values()) process.continue();
    for (const name of this.#serverMachines.keys()) this.#startServer(name);
    for (const node of this.#nodes.values()) {
      this.#setClock(node.machine, 0);
      node.running?.process.continue();
      node.sandboxes.mode = "answers";
      node.sandboxes.release();
      void node.startAgent();
    }
    this.#updateHealth();
    const slowly = this.clock.time - this.#slowSince() < slowlySettledMs;
    await this.#until(this.clock.time + (slowly ? slowlySettledMs : settledMs));
    this.#checks.expectAll();
    await this.#until(this.clock.time + roundMs);
    if (this.#isOver()) return;
    for (const node of this.#nodes.values()) await this.#checkNode(node);
    for (const [name, server] of this.#servers) {
      const held = await server.metric("rolecall_server_credentials");
      if (held > this.#sessions().size) {
        this.#checks.add("left-over", `${name} holds ${held} sessions, more than pods need`);
      }
      for (const queue of ["rolecall_server_sts_queue", "rolecall_server_sts_calls_in_flight"]) {
        const size = await server.metric(queue);
        if (size !== 0) this.#checks.add("left-over", `${name}: ${queue} is ${size}`);
      }
    }
  }

  /** Everything that pods need from STS now. */
  #sessions(): ReadonlySet<string> {
    const wanted = [...this.#pods.values()].map(({ uid }) => this.#truth.now(uid)!.what);
    return new Set(
      wanted.filter((what) => what.includes(" ")).flatMap((what) => what.split(" by ")),
    );
  }

  async #checkNode(node: SimulatedNode): Promise<void> {
    for (const pod of node.pods.values()) {
      if (pod.address === null || this.#checks.wasServed(pod.uid)) continue;
      const { what } = this.#truth.now(pod.uid)!;
      this.#checks.add("left-without", `${pod.name} on ${node.name} was never answered: ${what}`);
    }
    const assigned = await node.metric("rolecall_agent_assignments");
    const there = this.#api.objects("pods").filter(({ spec }) => spec?.["nodeName"] === node.name);
    if (assigned !== there.length) {
      const text = `${node.name}: the agent knows ${assigned} pods, and there are ${there.length}`;
      this.#checks.add("left-over", text);
    }
  }

  /** Every process gets SIGTERM; what they held must be gone soon. */
  async #end(): Promise<void> {
    const nodes = [...this.#nodes.values()];
    for (const node of nodes) node.pods.clear();
    await this.clock.runUntil(this.clock.time + roundMs);
    const agents = nodes.map(({ running }) => running!.process);
    const ends = [
      ...nodes.map((node) => node.endAgent()),
      ...[...this.#servers.values()].map((server) => server.end()),
    ];
    let ended = false;
    void Promise.all(ends).then(() => ended = true);
    await this.clock.runUntil(this.clock.time + leftMs);
    if (!ended) this.#checks.add("left-over", "a process doesn't end");
    for (const process of [...agents, ...[...this.#servers.values()].map((one) => one.process)]) {
      const { name, timers } = process;
      if (timers > 0) this.#checks.add("left-over", `${name}: ${timers} timers are still set`);
    }
    const { open } = this.network;
    if (open > 0) this.#checks.add("left-over", `${open} connections are still open`);
  }
}
