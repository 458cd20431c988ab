/** A whole cluster that follows a scenario; then its faults end, and everything has to be right. */
import { bundleOf, decodeState } from "../../src/server/certificate/certificate_state.ts";
import { Checks, clocksMs, slowlySettledMs, type Violation } from "./checks.ts";
import { ClusterTruth, type PodNetwork } from "./cluster_truth.ts";
import { namespaceNames } from "./faults.ts";
import { Health, settledMs, silentLeftMs as leaveMs } from "./health.ts";
import type { PodAnswer } from "./pod_requests.ts";
import { Random } from "./random.ts";
import { kindOf, type Scenario, type Sessions, type Step, type StepKind } from "./scenario.ts";
import { type ApiMood, SimulatedApi } from "./simulated_api.ts";
import {
  configMapName,
  firstAuthority,
  readCertificate,
  secretName,
  SimulatedIssuer,
} from "./simulated_certificates.ts";
import { SimulatedNetwork } from "./simulated_network.ts";
import { isRunning, SimulatedNode } from "./simulated_node.ts";
import { type AroundServers, SimulatedServer, type Version } from "./simulated_server.ts";
import { SimulatedSts, type StsMood } from "./simulated_sts.ts";
import { SimulatedUsers } from "./simulated_users.ts";
import { isLeak, Trace } from "./trace.ts";
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
/** By then a message that was on the way has come, and the server says so. */
const promptMs = 5_000;
/** What agents take for fresh. */
const freshSeconds = 15;
/** How long an authority is published before it signs a certificate that is served. */
const publishedMs = 600_000;
const minuteMs = 60_000;
/** A stream that was reset is opened again within 3 s, and each attempt takes 2 s at most. */
const connectedMs = 10_000;
/** What may be left by processes that have ended: nothing after this. */
const leftMs = 61_000;

/** Ends at the first violation. */
export async function simulate(scenario: Scenario): Promise<Outcome> {
  const simulation = new Simulation(scenario);
  await simulation.run();
  return simulation.outcome();
}

class Simulation implements AroundServers {
  readonly clock = new VirtualClock();
  readonly trace = new Trace(() => this.clock.time / 1000);
  readonly network: SimulatedNetwork;
  readonly sts: SimulatedSts;
  readonly issuer = new SimulatedIssuer();
  readonly sessions: Sessions;
  readonly #scenario: Scenario;
  readonly #random: Random;
  readonly #api: SimulatedApi;
  readonly #truth: ClusterTruth;
  readonly #checks: Checks;
  readonly #nodes = new Map<string, SimulatedNode>();
  readonly #servers = new Map<string, SimulatedServer>();
  readonly #serverMachines = new Map<string, Machine>();
  readonly #health = new Map<string, Health>();
  readonly #users: SimulatedUsers;
  readonly #steps: StepKind[] = [];
  #starts = 0;
  /** Of the servers that aren't of this one. */
  readonly #versions = new Map<string, Version>();
  /** When the certificate's Secret or ConfigMap was last away. */
  #removedAt = -Infinity;
  /** When a machine's clock was last ahead. */
  readonly #aheadAt = new Map<Machine, number>();
  /** By server: since when it can receive nothing from the API, and since when it sees everything. */
  readonly #blindSince = new Map<string, number>();
  readonly #seesSince = new Map<string, number>();
  /** When connections were last reset, by a server's replacement too. */
  #resetAt = -Infinity;
  /** By `SERVER NODE`: when it last had a stream, for whose pods it keeps credentials a minute more. */
  readonly #servedAt = new Map<string, number>();
  /** When each node's agent last had a stream. */
  readonly #streamAt = new Map<string, number>();
  /** By authority: when the ConfigMap had it last, and since when, but for a minute at most. */
  readonly #published = new Map<string, { readonly since: number; readonly at: number }>();

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#random = new Random(`run ${scenario.setting.seed}`);
    const { clock } = this;
    this.sessions = scenario.setting.sessions;
    this.#truth = new ClusterTruth(this.sessions);
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
      clockAheadAt: ({ machine }) =>
        this.#clockAheadAt([machine, ...this.#serverMachines.values()]),
      removedAt: () => this.#removedAt,
      showsAges: scenario.setting.identities.includes("address"),
    });
    this.#users = new SimulatedUsers({
      clock,
      random: this.#random.fork("users"),
      api: this.#api,
      truth: this.#truth,
      node: (name) => this.#nodes.get(name),
    });
    this.network.listen("api", {
      process: new Process("api", new Machine("api", clock), clock),
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
      this.#checkLinks();
      for (const line of this.trace.leaks.splice(0)) this.#checks.add("leaked", line);
      if (this.clock.isStuck) this.#checks.add("busy", "a timer is set again and again");
    }
  }

  async #begin(): Promise<void> {
    const { nodes, servers, identities } = this.#scenario.setting;
    this.#api.put("namespaces", { kind: "Namespace", metadata: { name: "rolecall" } });
    this.issuer.begin(this.#api, this.#random.fork("certificates"), this.clock.now());
    for (const name of namespaceNames) this.#users.createNamespace(name);
    const names = Array.from({ length: servers }, (_, n) => `server-${n + 1}`);
    for (let n = 1; n <= nodes; n++) {
      const node = new SimulatedNode(n, {
        clock: this.clock,
        network: this.network,
        sts: this.sts,
        trace: this.trace,
        issuer: this.issuer,
        sessions: this.sessions,
        api: this.#api,
        random: this.#random.fork(`node ${n}`),
        identity: identities[(n - 1) % identities.length]!,
        servers: names,
        answered: (answer) => this.#answered(answer),
        removed: (uid) => this.#users.removed(uid),
      });
      this.#nodes.set(node.name, node);
      this.#health.set(node.name, new Health());
    }
    for (const name of names) {
      this.#serverMachines.set(name, new Machine(name, this.clock));
      this.#startServer(name);
    }
    for (const node of this.#nodes.values()) void node.startAgent();
    await this.clock.runUntil(1);
    this.#updateHealth();
    this.#updateSight();
  }

  pinged(server: string, watchAgeSeconds: number): void {
    const since = this.#blindSince.get(server) ?? Infinity;
    const seconds = (this.clock.time - since - promptMs) / 1000;
    if (watchAgeSeconds >= seconds) return;
    this.#checks.add("says-fresh", `${server}: ${watchAgeSeconds} s, after ${seconds} s or more`);
  }

  /** Its authority has been in the ConfigMap for as long as kubelets need, and some more. */
  certified(server: string, certificate: string): void {
    const { authority } = readCertificate(certificate, this.clock.now());
    const { since } = this.#published.get(authority) ?? { since: this.clock.time };
    const untouchedMs = this.clock.time -
      Math.max(this.#clockAheadAt(this.#machines()), this.#removedAt);
    if (authority === firstAuthority || untouchedMs < publishedMs + minuteMs) return;
    if (this.clock.time - since >= publishedMs - minuteMs) return;
    this.#checks.add("certificate", `${server} serves one of ${authority}, published just now`);
  }

  #answered(answer: PodAnswer): void {
    const { pod, node, byToken, forged } = answer;
    const line = this.#checks.answered(answer);
    const what = forged ? "forges a request" : byToken ? "shows its token" : "requests";
    this.trace.add(node.name, `${pod.name} ${what}: ${line}`);
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
    const machine = this.#serverMachines.get(name)!;
    const version = this.#versions.get(name) ?? "this";
    this.#servers.set(name, new SimulatedServer(name, { machine, random, version }, this));
  }

  /** The server that runs ends, and one of the chosen version starts. */
  #replaceServer(name: string): void {
    if (!this.#serverMachines.has(name)) return;
    this.#resetAt = this.clock.time;
    this.#process(name)?.die();
    this.#startServer(name);
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
    this.#updateSight();
  }

  readonly #commands: Readonly<Record<string, (a: string, b: string, ...more: string[]) => void>> =
    {
      create: (name, node, namespace, account, role, network = "one-address") =>
        this.#users.create(name, node, {
          namespace: namespace!,
          account: account!,
          role: role!,
          network: network as PodNetwork,
        }),
      delete: (name) => this.#users.delete(name),
      "force-delete": (name) => this.#users.forceDelete(name),
      complete: (name) => this.#users.complete(name),
      "restart-containers": (name) => this.#users.restartContainers(name),
      "set-role": (name, role) => this.#users.setRole(name, role),
      annotate: (target, key, value) => this.#users.annotate(target, key, value!),
      "create-namespace": (name) => this.#users.createNamespace(name),
      "delete-namespace": (name) => this.#users.deleteNamespace(name),
      permit: (name, list) =>
        this.#users.changeNamespace(name, { permits: list === "nothing" ? [] : list.split(",") }),
      "external-id": (name, number) =>
        this.#users.changeNamespace(name, {
          externalId: number === "none" ? null : `ext/${name}/${number}`,
        }),
      "trust-role": (name, number) =>
        this.#users.changeNamespace(name, {
          trustRole: number === "none" ? null : `trust/${name}/${number}`,
        }),
      kill: (name) => this.#process(name)?.die(),
      start: (name) => {
        if (this.#serverMachines.has(name)) this.#startServer(name);
        else void this.#nodes.get(name.replace("agent", "node"))?.startAgent();
      },
      version: (name, version) => {
        this.#versions.set(name, version as Version);
        this.#replaceServer(name);
      },
      stop: (name) => this.#process(name)?.stop(),
      continue: (name) => this.#process(name)?.continue(),
      cut: (a, b) => this.network.cut(a, b),
      choke: (a, b) => this.network.choke(a, b),
      mend: (a, b) => this.network.mend(a, b),
      isolate: (name) => this.#others(name).forEach((other) => this.network.cut(name, other)),
      join: (name) => this.#others(name).forEach((other) => this.network.mend(name, other)),
      slow: (a, b, ms) => this.network.slow(a, b, Number(ms)),
      duplicate: (a, b) => this.network.duplicate(a, b),
      reset: (a, b) => {
        this.network.reset(a, b);
        this.#resetAt = this.clock.time;
      },
      reboot: (name) => {
        const node = this.#nodes.get(name);
        node?.reboot();
        void node?.startAgent();
      },
      clock: (name, seconds) => {
        this.#setClock(this.#machine(name), Number(seconds) * 1000);
      },
      drift: (name, ppm) => {
        const machine = this.#machine(name);
        if (machine === undefined) return;
        machine.drift = Number(ppm) / 1_000_000;
        if (ppm === "0") this.#setClock(machine, 0);
      },
      api: (mood) => void (this.#api.mood = mood as ApiMood),
      "api-forgets": () => this.#api.forget(),
      "api-cuts-watches": () => this.#api.cutWatches(),
      "api-hides-deletions": (on) => {
        this.#api.hidesDeletions = on === "on";
        if (on === "off") this.#showDeletions();
      },
      sts: (mood) => void (this.sts.mood = mood as StsMood),
      runtime: (name, mood) => {
        const node = this.#nodes.get(name);
        if (node !== undefined) node.runtimeMode = mood as "answers" | "down" | "hangs";
      },
      proc: (name, mood) => {
        const node = this.#nodes.get(name);
        if (node !== undefined) node.procIsReadable = mood === "well";
      },
      remove: (object) => {
        if (object === "secret") this.#api.remove("secrets", `rolecall/${secretName}`);
        else this.#api.remove("configmaps", `rolecall/${configMapName}`);
        this.#removedAt = this.clock.time;
      },
    };

  #showDeletions(): void {
    this.#api.hidesDeletions = false;
    this.#api.forget();
  }

  /** Every host that one exchanges messages with. */
  #others(name: string): readonly string[] {
    const servers = [...this.#serverMachines.keys()];
    return this.#serverMachines.has(name) ? ["api", "sts", ...this.#nodes.keys()] : servers;
  }

  #machines(): readonly Machine[] {
    return [
      ...[...this.#nodes.values()].map(({ machine }) => machine),
      ...this.#serverMachines.values(),
    ];
  }

  #setClock(machine: Machine | undefined, offsetMs: number): void {
    if (machine === undefined) return;
    if (isAhead(machine)) this.#aheadAt.set(machine, this.clock.time);
    machine.offsetMs = offsetMs;
  }

  /** When one of the clocks was last ahead. */
  #clockAheadAt(machines: readonly Machine[]): number {
    const at = (machine: Machine) =>
      isAhead(machine) ? this.clock.time : this.#aheadAt.get(machine) ?? -Infinity;
    return Math.max(...machines.map(at));
  }

  #updateHealth(): void {
    const right = (machine: Machine) => Math.abs(machine.offsetMs) < 30_000;
    const runs = (process: Process | undefined) =>
      process !== undefined && process.isAlive && !process.isStopped;
    for (const node of this.#nodes.values()) {
      const agent = runs(node.running?.process) && right(node.machine) && node.sees;
      const pairs = [...this.#servers].map(([name, { process }]) => {
        const works = agent && this.#api.isWell && runs(process) && right(process.machine) &&
          this.network.isWhole(name, "api") && this.network.isWhole(name, node.name);
        return [name, works] as const;
      });
      const all = pairs.every(([, works]) => works);
      const reaches = [...this.#servers.keys()].every((name) => this.network.isWhole(name, "sts"));
      const issuing = all && reaches && this.sts.mood === "well";
      const clocks = [...this.#serverMachines.values()].every(right);
      const issuers = reaches && clocks && this.sts.mood === "well";
      const isAlive = node.running?.process.isAlive ?? false;
      const killed = pairs.every(([name, works]) => works || !this.#process(name)!.isAlive);
      const health = { agent: isAlive, all, pairs: new Map(pairs), killed, issuing, issuers };
      this.#health.get(node.name)!.update(health, this.clock.time);
    }
  }

  #updateSight(): void {
    for (const [name, { process }] of this.#servers) {
      const blind = this.network.isCut(name, "api") || this.#api.mood === "silent";
      const sees = this.network.isWhole(name, "api") && this.#api.isWell &&
        process.isAlive && !process.isStopped;
      mark(this.#blindSince, name, blind ? this.clock.time : null);
      mark(this.#seesSince, name, sees ? this.clock.time : null);
    }
  }

  /** Agents are connected, but to none that is cut off from the API; servers that reach it see changes. */
  #checkLinks(): void {
    const { time } = this.clock;
    for (const [name, since] of this.#seesSince) {
      if (time - since < settledMs) continue;
      const age = this.#servers.get(name)!.watchAgeSeconds();
      if (age < freshSeconds) continue;
      this.#checks.add("not-fresh", `the watch of ${name} is ${age} s old`);
    }
    for (const node of this.#nodes.values()) this.#checkStreams(node);
    const { bundle, secret } = this.#certificateObjects();
    if (bundle === undefined || secret === undefined) this.#removedAt = time;
    for (const authority of bundle?.trim().split("\n") ?? []) {
      const before = this.#published.get(authority);
      const since = before && time - before.at < minuteMs ? before.since : time;
      this.#published.set(authority, { since, at: time });
    }
  }

  #checkStreams({ name: node }: SimulatedNode): void {
    const { time } = this.clock;
    const health = this.#health.get(node)!;
    const servers = [...this.#servers.keys()];
    const streams = servers.flatMap((server) => this.network.streams(node, server));
    if (streams.length > 0) this.#streamAt.set(node, time);
    for (const server of servers) {
      if (this.network.streams(node, server).length === 0) continue;
      this.#servedAt.set(`${server} ${node}`, time);
    }
    const without = time - (this.#streamAt.get(node) ?? 0);
    const awayMs = time - this.#resetAt < 2 * connectedMs ? connectedMs : 0;
    if (health.issuingFor(time) >= settledMs && without > awayMs) {
      this.#checks.add("not-connected", `${node} has no stream, and nothing is wrong`);
    }
    if (!servers.some((server) => health.worksFor(server, time) >= leaveMs)) return;
    for (const [server, since] of this.#blindSince) {
      const oldest = Math.min(...this.network.streams(node, server));
      if (time - Math.max(since, oldest) < leaveMs) continue;
      this.#checks.add("not-left", `${node} still follows ${server}, which sees nothing`);
    }
  }

  /** The authorities' PEM and the Secret's data, as long as each is there. */
  #certificateObjects() {
    return {
      bundle: this.#api.object("configmaps", `rolecall/${configMapName}`)?.data?.["ca.crt"],
      secret: this.#api.object("secrets", `rolecall/${secretName}`)?.data,
    };
  }

  /** They have been renewed, and the next authority is there. */
  #checkCertificates(): void {
    const { bundle, secret = {} } = this.#certificateObjects();
    const data = Object.entries(secret).map(([key, text]) => [key, atob(text)]);
    const state = decodeState(Object.fromEntries(data));
    if (state === null) return this.#checks.add("certificate", "there is none");
    const { authorities, leaf } = state;
    if (bundle !== bundleOf(state)) this.#checks.add("certificate", "the bundle isn't the state's");
    const life = leaf.expiresAt - leaf.issuedAt;
    if (leaf.expiresAt - this.clock.now() < life / 3 - minuteMs) {
      this.#checks.add("certificate", `it isn't renewed: ${leaf.certificate}`);
    }
    const next = authorities.filter(({ id }) => id !== firstAuthority);
    if (next.length === 0 && this.clock.time > publishedMs) {
      this.#checks.add("certificate", "the authority has no successor");
    }
  }

  /** All faults end; after a while each pod gets what it should. */
  async #heal(): Promise<void> {
    this.trace.add("STEP", "all faults end");
    this.network.mendAll();
    this.sts.mood = "well";
    this.#api.mood = "well";
    if (this.#api.hidesDeletions) this.#showDeletions();
    for (const machine of this.#machines()) {
      machine.drift = 0;
      this.#setClock(machine, 0);
    }
    for (const { process } of this.#servers.values()) process.continue();
    for (const name of this.#serverMachines.keys()) this.#startServer(name);
    for (const node of this.#nodes.values()) {
      node.running?.process.continue();
      node.runtimeMode = "answers";
      node.procIsReadable = true;
      void node.startAgent();
    }
    this.#updateHealth();
    this.#updateSight();
    const slowSince = Math.max(
      this.sts.deniedAt,
      this.#clockAheadAt(this.#machines()),
      this.#removedAt,
    );
    const slowly = this.clock.time - slowSince < slowlySettledMs;
    await this.#until(this.clock.time + (slowly ? slowlySettledMs : settledMs));
    this.#checks.expectAll();
    await this.#until(this.clock.time + roundMs);
    if (this.#isOver()) return;
    this.#checkCertificates();
    for (const node of this.#nodes.values()) await this.#checkNode(node);
    for (const [name, server] of this.#servers) {
      this.#checkStatus(name, server);
      this.#checkReadiness(name, server.server);
      const held = await server.metric("rolecall_server_credentials");
      const served = [...this.#nodes.keys()].filter((node) => {
        return this.clock.time - (this.#servedAt.get(`${name} ${node}`) ?? 0) < minuteMs + promptMs;
      });
      if (held > this.#users.sessions(served).size) {
        this.#checks.add("left-over", `${name} holds ${held} sessions, more than its pods need`);
      }
      for (const queue of ["rolecall_server_sts_queue", "rolecall_server_sts_calls_in_flight"]) {
        const size = await server.metric(queue);
        if (size !== 0) this.#checks.add("left-over", `${name}: ${queue} is ${size}`);
      }
    }
  }

  #checkReadiness(name: string, { missing }: { readonly missing: () => readonly string[] }): void {
    for (const line of missing()) this.#checks.add("not-ready", `${name}: ${line}`);
  }

  async #checkNode(node: SimulatedNode): Promise<void> {
    this.#checkReadiness(node.name, node.running!.agent);
    for (const pod of node.pods.values()) {
      const { what } = this.#truth.now(pod.uid)!;
      if (!isRunning(pod) || what === "ending" || this.#checks.wasServed(pod.uid)) continue;
      this.#checks.add("left-without", `${pod.name} on ${node.name} was never answered: ${what}`);
    }
    const assigned = await node.metric("rolecall_agent_assignments");
    const there = this.#api.objects("pods").filter(({ spec, status }) =>
      spec?.["nodeName"] === node.name && status?.["phase"] !== "Succeeded"
    );
    if (assigned !== there.length) {
      const text = `${node.name}: the agent knows ${assigned} pods, and there are ${there.length}`;
      this.#checks.add("left-over", text);
    }
    const reports = [...this.#servers.values()].flatMap(({ server }) => server.summary().agents)
      .filter(({ node: name, connectedAt }) => name === node.name && connectedAt !== null);
    if (reports.some(({ report }) => report?.ready && report.assignments === assigned)) return;
    this.#checks.add(
      "wrong-report",
      `${node.name}: the status pages show ${JSON.stringify(reports)}`,
    );
  }

  /** The status page says of each pod without a role why it has none. */
  #checkStatus(name: string, { server }: SimulatedServer): void {
    const summary = server.summary();
    const text = JSON.stringify(summary);
    if (isLeak(text)) this.#checks.add("leaked", `${name}: its status page: ${text}`);
    for (const { uid, name: pod, state, reason } of summary.pods) {
      const { what } = this.#truth.now(uid) ?? { what: "" };
      const shown = reason === null ? state : `${state}:${reason}`;
      if (!/^(none|denied)/.test(what) || shown === what) continue;
      this.#checks.add("wrong-reason", `${name} shows ${shown} for ${pod} instead of ${what}`);
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

/** Since when something is so: as before, from now on, or no longer. */
function mark(since: Map<string, number>, name: string, from: number | null): void {
  if (from === null) since.delete(name);
  else since.set(name, since.get(name) ?? from);
}

function isAhead({ offsetMs }: Machine): boolean {
  return offsetMs > clocksMs;
}
