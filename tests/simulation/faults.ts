/** Makes a scenario from a seed: pods that come and go, changes of their roles, and faults of every kind. */
import { ownRole, type PodNetwork } from "./cluster_truth.ts";
import { Random } from "./random.ts";
import type { Identity, Scenario, Setting, Step } from "./scenario.ts";

export const namespaceNames = ["a", "b", "c"];
const networks: readonly PodNetwork[] = [
  ...Array.from({ length: 6 }, () => "one-address" as const),
  ...Array.from({ length: 3 }, () => "dual-stack" as const),
  "host-network",
];
export const roles = ["reader", "writer", "team/admin", ownRole];

interface Options {
  readonly seed: string;
  readonly nodes: number;
  readonly hours: number;
}

interface Pod {
  readonly name: string;
  readonly node: string;
  readonly namespace: string;
  readonly account: string;
  readonly role: string;
}

type Words = readonly (string | number)[];

export function scenarioOf({ seed, nodes, hours }: Options): Scenario {
  const random = new Random(`scenario ${seed}`);
  const setting: Setting = {
    seed,
    nodes,
    servers: random.pick([1, 2, 2, 2, 3]),
    identities: random.pick([
      ["kernel", "address"],
      ["kernel", "address"],
      ["kernel", "runtime"],
      ["kernel", "runtime"],
      ["kernel"],
      ["address", "runtime"],
    ]),
    sessions: random.pick(["tags", "source-identity", "plain", "plain"]),
    seconds: Math.round(hours * 3600),
  };
  const maker = new Maker(setting, random);
  return { setting, steps: maker.make().toSorted((a, b) => a.at - b.at) };
}

class Maker {
  readonly #setting: Setting;
  readonly #random: Random;
  #steps: Step[] = [];
  /** Still to come, before each kind comes again. */
  readonly #episodes: ((at: number) => number)[] = [];
  #pods: Pod[] = [];
  #created = 0;
  /** Most faults have ended by then. */
  #quietFrom = 0;
  /**
   * Servers may be older than the agents. Those don't say how long credentials last or how old a ping
   * is, so agents need a clock that is right, and a source of identities that needs no grace.
   */
  readonly #hasOlder: boolean;
  /** Until when there is a fault of that kind. */
  readonly #busy = new Map<string, number>();

  constructor(setting: Setting, random: Random) {
    this.#setting = setting;
    this.#random = random;
    this.#hasOlder = !setting.identities.includes("address") && random.chance(0.6);
  }

  make(): Step[] {
    const random = this.#random;
    for (let n = 0; n < this.#setting.nodes * 3; n++) this.#create(random.next() * 20);
    if (this.#setting.sessions === "plain") this.#chooseWebIdentity();
    // They are upgraded at some time, or never.
    for (let n = this.#hasOlder ? this.#setting.servers : 0; n > 0; n--) {
      this.#add(1, "version", `server-${n}`, "older");
    }
    let at = 60;
    // Quiet times in which everything has to be right, and bad ones in which faults overlap.
    while (at < this.#setting.seconds) {
      const bad = at + 20 + random.next() * 160;
      this.#quietFrom = bad;
      for (; at < bad; at += random.next() * 14) this.#fault(at);
      const quiet = bad + random.pick([60, 180, 240, 300]);
      if (random.chance(0.8)) this.#degrade(at, quiet);
      for (; at < quiet; at += random.next() * 40) this.#change(at);
      at = this.#episode(at);
    }
    if (this.#setting.nodes > 1 && random.chance(0.5)) this.#outliveSessions();
    return this.#steps.filter((step) => step.at < this.#setting.seconds);
  }

  #add(at: number, ...words: Words): void {
    this.#steps.push({ at: Math.round(at * 10) / 10, words: words.map(String) });
  }

  /** A fault and its end; unless there is one of that kind, which this one's end would end. */
  #lasting(at: number, begin: Words, end: Words, longest = 120): void {
    const drawn = at + 1 + this.#random.next() ** 2 * longest;
    // An outage that outlasts the sessions goes on.
    const isShort = this.#random.chance(0.8) && longest < 3_000;
    const ends = isShort ? Math.min(drawn, this.#quietFrom) : drawn;
    const kind = end.filter((word) => typeof word === "string").join(" ");
    if ((this.#busy.get(kind) ?? 0) > at) return;
    this.#busy.set(kind, ends);
    this.#add(at, ...begin);
    this.#add(ends, ...end);
  }

  #node(): string {
    return `node-${this.#random.between(1, this.#setting.nodes)}`;
  }

  #server(): string {
    return `server-${this.#random.between(1, this.#setting.servers)}`;
  }

  #process(): string {
    return this.#random.chance(0.5) ? this.#server() : this.#node().replace("node", "agent");
  }

  /** One with that identity, if there is one. */
  #nodeBy(identity: Identity): string {
    const { identities } = this.#setting;
    const nodes = this.#nodes().filter((_, n) => identities[n % identities.length] === identity);
    return nodes.length === 0 ? this.#node() : this.#random.pick(nodes);
  }

  #create(
    at: number,
    { namespace = this.#random.pick(namespaceNames), node = this.#node(), ...wanted }: Partial<
      Pick<Pod, "namespace" | "node" | "role">
    > = {},
  ): Pod {
    const random = this.#random;
    const name = `pod-${++this.#created}`;
    // Often a replica of a pod that is there.
    const [like] = this.#pods.filter((one) => one.namespace === namespace && random.chance(0.1));
    const {
      account = random.chance(0.75) ? name : "shared",
      role = random.chance(0.8) ? random.pick(roles) : "none",
    }: Partial<Pick<Pod, "account" | "role">> = like ?? wanted;
    const pod = { name, node, namespace, account, role };
    this.#pods.push(pod);
    this.#add(at, "create", name, node, namespace, account, role, random.pick(networks));
    for (const [key, values] of podAnnotations) {
      if (random.chance(0.15)) this.#add(at, "annotate", name, key, random.pick(values));
    }
    return pod;
  }

  #chooseWebIdentity(): void {
    for (const name of namespaceNames.filter(() => this.#random.chance(0.5))) {
      this.#add(this.#random.next() * 20, "annotate", name, "assume-with", "service-account");
    }
  }

  #pod(): Pod {
    return this.#random.pick(this.#pods);
  }

  #delete(at: number): void {
    const random = this.#random;
    if (this.#pods.length < this.#setting.nodes * 2) return void this.#create(at);
    const [pod] = this.#pods.splice(random.int(this.#pods.length), 1);
    this.#add(at, random.chance(0.7) ? "delete" : "force-delete", pod!.name);
    // The next pod often gets the address.
    if (random.chance(0.8)) this.#create(at + random.next() * 5);
  }

  /** A namespace goes with its pods, and comes back with others. */
  #replaceNamespace(at: number): void {
    const random = this.#random;
    const name = random.pick(namespaceNames);
    const back = at + 10 + random.next() * 20;
    const gone = this.#pods.filter((pod) => pod.namespace === name);
    this.#pods = this.#pods.filter((pod) => pod.namespace !== name);
    this.#add(at, "delete-namespace", name);
    this.#add(back, "create-namespace", name);
    for (const _ of gone) this.#create(back + random.next() * 10, { namespace: name });
  }

  /** As many pods at once as a node takes, for a minute or two. */
  #rush(at: number): void {
    const random = this.#random;
    const before = this.#pods;
    this.#pods = [];
    for (let n = 0; n < 100; n++) this.#create(at + random.next());
    for (const { name } of this.#pods) {
      this.#add(at + 60 + random.next() * 60, random.pick(["delete", "delete", "complete"]), name);
    }
    this.#pods = before;
  }

  #annotate(at: number): void {
    const random = this.#random;
    const pod = this.#pod();
    const namespace = random.pick(namespaceNames);
    const [target, annotations] = random.pick([
      [pod.name, podAnnotations],
      [namespace, this.#setting.sessions === "plain" ? plainAnnotations : namespaceAnnotations],
      [`${pod.namespace}/${pod.account}`, accountAnnotations],
    ]);
    const [key, values] = random.pick(annotations);
    this.#add(at, "annotate", target, key, random.pick([...values, "none"]));
  }

  /** What users do. */
  #change(at: number): void {
    const random = this.#random;
    const namespace = random.pick(namespaceNames);
    const [kind] = weighted(random, [
      [4, () => void this.#create(at)],
      [6, () => this.#delete(at)],
      [3, () => this.#add(at, "set-role", this.#pod().name, random.pick([...roles, "none"]))],
      [3, () => {
        const permitted = roles.filter(() => random.chance(0.7));
        this.#add(at, "permit", namespace, permitted.join(",") || "nothing");
      }],
      [3, () => this.#annotate(at)],
      [1, () => this.#add(at, "complete", this.#pod().name)],
      [0.5, () => this.#replaceNamespace(at)],
      [1, () => this.#add(at, "external-id", namespace, random.pick(["none", "1", "2", "3"]))],
      [1, () => this.#add(at, "trust-role", namespace, random.pick(["none", "1", "2"]))],
    ]);
    kind();
  }

  /** One thing fails alone, so that what is withdrawn meanwhile must be gone, and the rest works. */
  #degrade(at: number, until: number): void {
    const random = this.#random;
    const server = this.#server();
    const kind = random.pick([
      "sts",
      "kill",
      "stop",
      "stop",
      "api",
      "api",
      "node",
      "node",
      "isolate",
      "isolate",
    ]);
    if (kind === "sts") return this.#stsFault(at, 120);
    const ends = { kill: "start", stop: "continue", isolate: "join" } as const;
    if (kind === "kill" || kind === "stop" || kind === "isolate") {
      const what = kind === "isolate" ? "api" : server;
      this.#add(at, kind, what);
      return this.#add(until, ends[kind], what);
    }
    const link = [kind === "api" ? kind : this.#node(), server];
    this.#add(at, "cut", ...link);
    this.#add(until, "mend", ...link);
  }

  /** What an agent or a server can't know while pods are replaced: each kind in turn. */
  #episode(at: number): number {
    if (this.#episodes.length === 0) {
      const all = [this.#choke, this.#freezeWithMail, this.#blind, this.#throttleARush];
      if (this.#setting.servers > 1) all.push(this.#followTheOld);
      if (this.#setting.identities.includes("runtime")) all.push(this.#hangTheRuntime);
      while (all.length > 0) this.#episodes.push(...all.splice(this.#random.int(all.length), 1));
    }
    const episode = this.#episodes.pop()!;
    if (this.#random.chance(0.25)) return episode.call(this, at);
    this.#endFaults(at);
    return episode.call(this, at + 30);
  }

  /** Nothing else is to hide what an episode shows; what is wrong with STS goes on. */
  #endFaults(at: number): void {
    this.#add(at, "api", "well");
    for (const server of this.#servers()) {
      for (const end of ["start", "continue", "join"]) this.#add(at, end, server);
      this.#add(at, "clock", server, 0);
    }
    for (const node of this.#nodes()) {
      for (const end of ["start", "continue"]) this.#add(at, end, node.replace("node", "agent"));
    }
  }

  /** Pods end, some of which surely have a role, and once their addresses have rested others get them. */
  #replace(at: number, node: string, seconds = 55): number {
    const before = this.#pods.filter((pod) => pod.node === node).slice(0, 2);
    const gone = [
      ...before,
      ...["reader", "writer"].map((role) => this.#create(at - 20, { node, role })),
    ];
    this.#pods = this.#pods.filter((pod) => !gone.includes(pod));
    for (const { name } of gone) this.#add(at, "delete", name);
    const rested = at + seconds;
    for (const _ of gone) this.#create(rested, { node });
    return rested;
  }

  /** Streams break off in the middle of their snapshots. */
  #choke(at: number): number {
    const node = this.#random.chance(0.5) ? this.#nodeBy("address") : this.#nodeBy("kernel");
    for (const server of this.#servers()) {
      this.#add(at, "choke", node, server);
      this.#add(at + 1, "reset", node, server);
    }
    const end = this.#replace(at + 2, node) + 20;
    for (const server of this.#servers()) this.#add(end, "mend", node, server);
    return end;
  }

  /** The agent is stopped, so that frames wait for it, which it reads while it is cut off. */
  #freezeWithMail(at: number): number {
    const node = this.#nodeBy("address");
    const agent = node.replace("node", "agent");
    this.#add(at, "stop", agent);
    this.#add(at + 15, "isolate", node);
    const end = this.#replace(at + 16, node);
    this.#add(end - 3, "continue", agent);
    this.#add(end + 20, "join", node);
    return end + 20;
  }

  /** No server can see what happens, and agents come back to one that knows their token still. */
  #blind(at: number): number {
    const node = this.#nodeBy("address");
    const begin = at + 5;
    this.#add(begin, "isolate", "api");
    const end = this.#replace(begin + 1, node) + 30;
    for (const server of this.#servers()) {
      for (const when of [at, begin + 48]) this.#add(when, "reset", node, server);
    }
    this.#add(end, "join", "api");
    return end;
  }

  /**
   * The only server that is left was cut off from the API, and doesn't watch again at once: it knows
   * less than the agents.
   */
  #followTheOld(at: number): number {
    const servers = this.#servers();
    const [old] = servers.splice(this.#random.int(servers.length), 1);
    this.#add(at, "cut", "api", old!);
    for (const node of this.#nodes()) {
      for (const after of [2, 4, 6]) this.#create(at + after, { node });
    }
    const alone = at + 165;
    for (const server of servers) this.#add(alone, "kill", server);
    this.#add(alone, "mend", "api", old!);
    for (const server of servers) this.#add(alone + 40, "start", server);
    return alone + 45;
  }

  /** Pods are replaced at once while neither the container runtime nor a server says so. */
  #hangTheRuntime(at: number): number {
    const node = this.#nodeBy("runtime");
    this.#add(at, "runtime", node, "hangs");
    this.#add(at, "isolate", node);
    const end = this.#replace(at + 1, node, 6) + 25;
    this.#add(end, "runtime", node, "answers");
    this.#add(end, "join", node);
    return end;
  }

  /** STS throttles while a server restarts and new pods arrive. */
  #throttleARush(at: number): number {
    const random = this.#random;
    this.#add(at, "sts", "throttles");
    this.#add(at + 1, "kill", "server-1");
    this.#add(at + 2, "start", "server-1");
    for (let n = 0; n < 12; n++) this.#create(at + 5 + random.next());
    this.#add(at + 35, "sts", "well");
    return at + 40;
  }

  /** A node is cut off for longer than its credentials are valid, and its clock may be wrong. */
  #outliveSessions(): void {
    const random = this.#random;
    const node = this.#nodeBy(random.pick(["kernel", "runtime"]));
    const from = 60 + random.next() * Math.max(0, this.#setting.seconds - 1_100);
    const to = from + 850 + random.next() * 150;
    const servers = this.#servers();
    const agent = node.replace("node", "agent");
    // No other step may reach across its links meanwhile, or end what its agent knows.
    const reaches = ({ at, words: [command = "", a = "", b = ""] }: Step) =>
      at > from && at < to &&
      (command === "join" || command === "isolate"
        ? a === node || servers.includes(a)
        : a === node && (servers.includes(b) || command === "reboot") ||
          a === agent && ["kill", "clock"].includes(command));
    this.#steps = this.#steps.filter((step) => !reaches(step));
    // They aren't deleted.
    for (const role of ["reader", "writer", "reader", "writer"]) {
      this.#create(Math.max(0, from - 60), { node, role });
    }
    for (const server of servers) this.#add(from, "cut", node, server);
    for (const server of servers) this.#add(to, "join", server);
    if (!this.#hasOlder && random.chance(0.7)) {
      this.#add(from - 20 + random.next() * 100, "clock", agent, random.pick([-7_200, -600, -600]));
    }
    this.#add(to, "clock", agent, 0);
  }

  #nodes(): string[] {
    return Array.from({ length: this.#setting.nodes }, (_, n) => `node-${n + 1}`);
  }

  #servers(): string[] {
    return Array.from({ length: this.#setting.servers }, (_, n) => `server-${n + 1}`);
  }

  #fault(at: number): void {
    const random = this.#random;
    const [node, server, process] = [this.#node(), this.#server(), this.#process()];
    const link = random.pick([[node, server], [node, server], [server, "api"], [server, "sts"]]);
    const [kind] = weighted(random, [
      [8, () => this.#change(at)],
      [3, () => this.#lasting(at, ["kill", process], ["start", process], 30)],
      [3, () => this.#lasting(at, ["stop", process], ["continue", process], 60)],
      [
        3,
        () => this.#lasting(at, ["cut", ...link], ["mend", ...link], random.pick([60, 120, 900])),
      ],
      [2, () => this.#lasting(at, ["slow", ...link, random.pick([300, 2_000])], ["mend", ...link])],
      [2, () => {
        const host = random.pick([node, node, server, "api"]);
        this.#lasting(at, ["isolate", host], ["join", host], random.pick([60, 300]));
      }],
      [1, () => this.#lasting(at, ["duplicate", ...link], ["mend", ...link])],
      [2, () => this.#add(at, "reset", ...link)],
      [1, () => this.#add(at, "reboot", node)],
      [1, () => {
        const seconds = random.pick([-10_800, -600, -20, 20, 600, 7_200]);
        const longest = random.pick([300, 1_500]);
        const whose = this.#hasOlder ? server : process;
        this.#lasting(at, ["clock", whose, seconds], ["clock", whose, 0], longest);
      }],
      [3, () => {
        const mood = random.pick(["silent", "fails", "throttles", "lags"]);
        this.#lasting(at, ["api", mood], ["api", "well"], 90);
      }],
      [1, () => this.#add(at, "api-forgets")],
      [1, () => this.#add(at, "api-cuts-watches")],
      [1, () => {
        // By address, a deletion that nobody shows is answered by the address' rest alone.
        if (this.#setting.identities.includes("address")) return;
        this.#lasting(at, ["api-hides-deletions", "on"], ["api-hides-deletions", "off"], 60);
      }],
      [3, () => this.#stsFault(at, random.pick([60, 300, 3_000]))],
      [1, () =>
        this.#lasting(at, ["runtime", node, random.pick(["down", "hangs"])], [
          "runtime",
          node,
          "answers",
        ], 40)],
      [1, () => {
        const ppm = random.pick([-1_000, -300, 300, 1_000]);
        this.#lasting(at, ["drift", process, ppm], ["drift", process, 0], 1_500);
      }],
      [1, () => this.#add(at, "restart-containers", this.#pod().name)],
      [1, () => this.#lasting(at, ["proc", node, "unreadable"], ["proc", node, "well"], 60)],
      [1, () => this.#freeze(at, node)],
      [1, () => this.#roll(at)],
      [0.08, () => this.#rush(at)],
      [1, () => this.#add(at, "remove", random.pick(["secret", "config-map"]))],
      [0.5, () => {
        for (let n = random.between(5, 15); n > 0; n--) this.#create(at + random.next());
      }],
    ]);
    kind();
  }

  #stsFault(at: number, longest: number): void {
    const moods = ["throttles", "fails", "hangs", "slow", "denies"];
    // One that outlasts the sessions must answer nothing.
    const mood = longest > 900 ? "hangs" : this.#random.pick(moods);
    this.#lasting(at, ["sts", mood], ["sts", "well"], longest);
  }

  /** The agent gets no processor time while its network is away, which comes back later. */
  #freeze(at: number, node: string): void {
    const agent = node.replace("node", "agent");
    this.#lasting(at, ["stop", agent], ["continue", agent], 60);
    this.#lasting(at, ["isolate", node], ["join", node], 120);
  }

  /** The servers are replaced one after the other: restarted, or by another version and back. */
  #roll(at: number): void {
    const random = this.#random;
    let next = at;
    const each = (replace: (server: string) => void) => {
      for (let n = 1; n <= this.#setting.servers; n++) {
        replace(`server-${n}`);
        next += 5 + random.next() * 30;
      }
    };
    if (random.chance(0.5)) {
      each((server) => {
        this.#add(next, "kill", server);
        this.#add(next + 1 + random.next() * 4, "start", server);
      });
    } else {
      const version = this.#hasOlder ? random.pick(["older", "next"]) : "next";
      each((server) => this.#add(next, "version", server, version));
      next += random.next() * 120;
      each((server) => this.#add(next, "version", server, "this"));
    }
  }
}

type Values = readonly (readonly [key: string, values: readonly string[]])[];

const podAnnotations: Values = [
  ["session-name", ["batch"]],
  ["session-duration", ["15m"]],
  ["session-policy-arns", ["audit", "backup"]],
];
const namespaceAnnotations: Values = [
  ["imdsv2", ["required"]],
  ["default-role", ["reader", "writer"]],
  ["session-policy-arns", ["audit", "backup"]],
  ["session-policy", ['{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}']],
];
/** With any other sessions, web identity is a conflict. */
const plainAnnotations: Values = [
  ...namespaceAnnotations,
  ["assume-with", ["service-account", "server"]],
];
const accountAnnotations: Values = [
  ["role", ["reader", "writer"]],
  ["session-policy-arns", ["audit", "backup"]],
];

function weighted<T>(random: Random, choices: readonly (readonly [number, T])[]): [T] {
  let left = random.next() * choices.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, choice] of choices) {
    left -= weight;
    if (left < 0) return [choice];
  }
  return [choices.at(-1)![1]];
}
