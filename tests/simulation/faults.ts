/** Makes a scenario from a seed: pods that come and go, changes of their roles, and faults of every kind. */
import { ownRole } from "./cluster_truth.ts";
import { Random } from "./random.ts";
import type { Scenario, Setting, Step } from "./scenario.ts";

export const namespaceNames = ["a", "b", "c"];
export const roles = ["reader", "writer", "team/admin", ownRole];

interface Options {
  readonly seed: string;
  readonly nodes: number;
  readonly hours: number;
}

type Words = readonly (string | number)[];

export function scenarioOf({ seed, nodes, hours }: Options): Scenario {
  const random = new Random(`scenario ${seed}`);
  const setting: Setting = {
    seed,
    nodes,
    servers: random.pick([1, 2, 2, 2, 3]),
    identity: random.pick(["kernel", "kernel", "kernel", "runtime", "address", "address"]),
    seconds: Math.round(hours * 3600),
  };
  const maker = new Maker(setting, random);
  return { setting, steps: maker.make().toSorted((a, b) => a.at - b.at) };
}

class Maker {
  readonly #setting: Setting;
  readonly #random: Random;
  readonly #steps: Step[] = [];
  #pods: string[] = [];
  #created = 0;
  #authorities = 1;
  /** Until when there is a fault of that kind. */
  readonly #busy = new Map<string, number>();

  constructor(setting: Setting, random: Random) {
    this.#setting = setting;
    this.#random = random;
  }

  make(): Step[] {
    const random = this.#random;
    for (let n = 0; n < this.#setting.nodes * 3; n++) this.#create(random.next() * 20);
    let at = 60;
    // Quiet times in which everything has to be right, and bad ones in which faults overlap.
    while (at < this.#setting.seconds) {
      const bad = at + 20 + random.next() * 240;
      for (; at < bad; at += random.next() * 14) this.#fault(at);
      const quiet = bad + random.pick([30, 200, 200, 420]);
      for (; at < quiet; at += random.next() * 60) this.#change(at);
    }
    return this.#steps.filter((step) => step.at < this.#setting.seconds);
  }

  #add(at: number, ...words: Words): void {
    this.#steps.push({ at: Math.round(at * 10) / 10, words: words.map(String) });
  }

  /** A fault and its end; unless there is one of that kind, which this one's end would end. */
  #lasting(at: number, begin: Words, end: Words, longest = 120): void {
    const ends = at + 1 + this.#random.next() ** 2 * longest;
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

  #create(at: number): void {
    const random = this.#random;
    const name = `pod-${++this.#created}`;
    const account = random.chance(0.75) ? name : "shared";
    const role = random.chance(0.9) ? random.pick(roles) : "none";
    this.#pods.push(name);
    this.#add(at, "create", name, this.#node(), random.pick(namespaceNames), account, role);
  }

  #delete(at: number): void {
    const random = this.#random;
    if (this.#pods.length < this.#setting.nodes * 2) return this.#create(at);
    const [name] = this.#pods.splice(random.int(this.#pods.length), 1);
    this.#add(at, random.chance(0.7) ? "delete" : "force-delete", name!);
    // The next pod often gets the address.
    if (random.chance(0.8)) this.#create(at + random.next() * 5);
  }

  /** What users do. */
  #change(at: number): void {
    const random = this.#random;
    const namespace = random.pick(namespaceNames);
    const [kind] = weighted(random, [
      [4, () => this.#create(at)],
      [6, () => this.#delete(at)],
      [
        3,
        () => this.#add(at, "set-role", random.pick(this.#pods), random.pick([...roles, "none"])),
      ],
      [3, () => {
        const permitted = roles.filter(() => random.chance(0.7));
        this.#add(at, "permit", namespace, permitted.join(",") || "nothing");
      }],
      [1, () => this.#add(at, "external-id", namespace, random.pick(["none", "1", "2", "3"]))],
      [1, () => this.#add(at, "trust-role", namespace, random.pick(["none", "1", "2"]))],
      // Alone, so that what is withdrawn meanwhile must be gone: at once, or from the other server.
      [1, () => this.#stsFault(at, 120)],
      [1, () => {
        const link = [random.pick([this.#node(), "api"]), this.#server()];
        this.#lasting(at, ["cut", ...link], ["mend", ...link], 900);
      }],
    ]);
    kind();
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
        this.#lasting(at, ["clock", process, seconds], ["clock", process, 0], longest);
      }],
      [3, () => {
        const mood = random.pick(["silent", "fails", "throttles", "lags"]);
        this.#lasting(at, ["api", mood], ["api", "well"], 90);
      }],
      [1, () => this.#add(at, "api-forgets")],
      [1, () => this.#add(at, "api-cuts-watches")],
      [1, () => {
        // By address, a deletion that nobody shows is answered by the address' rest alone.
        if (this.#setting.identity === "address") return;
        this.#lasting(at, ["api-hides-deletions", "on"], ["api-hides-deletions", "off"], 60);
      }],
      [3, () => this.#stsFault(at, random.pick([60, 300, 3_000]))],
      [1, () =>
        this.#lasting(at, ["runtime", node, random.pick(["down", "hangs"])], [
          "runtime",
          node,
          "answers",
        ], 40)],
      [1, () => this.#rotate(at)],
      [0.5, () => this.#lasting(at, ["trust", "nothing"], ["trust", `ca-${this.#authorities}`])],
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

  /** The next authority is published before it signs, and the last one goes after that. */
  #rotate(at: number): void {
    const [old, next] = [`ca-${this.#authorities}`, `ca-${++this.#authorities}`];
    this.#add(at, "trust", `${old},${next}`);
    this.#add(at + 10, "sign-with", next);
    this.#add(at + 20, "trust", next);
  }
}

function weighted<T>(random: Random, choices: readonly (readonly [number, T])[]): [T] {
  let left = random.next() * choices.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, choice] of choices) {
    left -= weight;
    if (left < 0) return [choice];
  }
  return [choices.at(-1)![1]];
}
