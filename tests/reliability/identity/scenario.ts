/**
 * Runs identity scenarios: text files of commands, each followed by `----` and what it prints.
 * README.md in this folder lists the commands.
 */
import type { ConnectionEnds } from "../../../src/net/http_messages.ts";
import type { AssignmentStream } from "../../../src/agent/assignments/assignments.ts";
import { FakeProc, type FakeProcess, podCgroup, translated } from "../../fakes/fake_proc.ts";
import { deniedFrame, podFrame, roleFrame } from "../../fakes/frames.ts";
import { ManualClock, settled } from "../../fakes/manual_clock.ts";
import { type FakeSandboxes, fakeSandboxes } from "../../fakes/sandboxes.ts";
import type { AssignFrame, Frame, PodFrame } from "../../../src/protocol/frames.ts";
import { type AgentOfScenario, AgentOnNode, answerOf, nodeAddress } from "./node.ts";

/** `name a b key=value flag` */
interface Command {
  readonly name: string;
  readonly words: readonly string[];
  readonly options: ReadonlyMap<string, string>;
}

const never = new AbortController().signal;
const waitMs = 900;

export class Scenario {
  readonly #clock = new ManualClock();
  readonly #proc = new FakeProc();
  readonly #sandboxes = fakeSandboxes();
  readonly #reads = new Map<string, AssignFrame>();
  readonly #around = {
    clock: this.#clock,
    proc: this.#proc,
    sandboxes: this.#sandboxes,
    reads: this.#reads,
  };
  readonly #uids = new Map<string, string>();
  readonly #processes = new Map<string, FakeProcess>();
  readonly #connections = new Map<string, ConnectionEnds>();
  readonly #agents: AgentOnNode[] = [];
  readonly #streams = new Map<string, AssignmentStream>();
  #lines: string[] = [];

  /** What the command prints, if anything; requests in the background may add to it. */
  async run(line: string): Promise<string> {
    this.#lines = [];
    const command = parse(line);
    const run = this.#commands[command.name];
    if (run === undefined) throw new Error(`unknown command: ${line}`);
    const printed = await run(command);
    await settled();
    const lines = [...printed === undefined ? [] : [printed], ...this.#lines];
    return this.#named(lines.filter((line) => line !== "").join("\n"));
  }

  readonly #commands: Readonly<
    Record<string, (command: Command) => Promise<string | void> | string | void>
  > = {
    agent: (command) => this.#startAgent(command),
    pod: (command) => this.#startPod(command),
    process: (command) => this.#startProcess(command),
    exit: ({ words: [name] }) => this.#proc.exit(this.#process(name)),
    move: ({ words: [name], options }) => this.#move(this.#process(name), options),
    address: ({ words: [name, ...ips] }) => {
      for (const ip of ips) this.#process(name).namespace.addresses.add(ip);
    },
    connect: (command) => this.#connect(command),
    close: ({ words: [name, end] }) => {
      const { namespace } = this.#process(name);
      this.#proc.close(namespace, this.#socket(name, end));
    },
    state: ({ words: [name, end, state] }) => {
      this.#socket(name, end).state = state!;
    },
    translate: ({ words: [name, inner, outer] }) => {
      const { namespace } = this.#process(name);
      namespace.conntrack = [...namespace.conntrack ?? [], translated(inner!, outer!)];
    },
    untranslate: ({ words: [name] }) => {
      this.#process(name).namespace.conntrack = [];
    },
    unreadable: ({ words: [path] }) => void this.#proc.broken.set(new RegExp(path!), "EACCES"),
    readable: () => this.#proc.broken.clear(),
    sandbox: ({ words: [name], options }) => {
      const ips = options.has("ip") ? options.get("ip")!.split(",") : null;
      const runtimeHandler = options.get("handler") ?? "";
      this.#sandboxes.ready.set(name!, { podUid: this.#uid(name!), ips, runtimeHandler });
    },
    "no-sandbox": ({ words: [name] }) => void this.#sandboxes.ready.delete(name!),
    runtime: ({ words: [mood] }) => {
      this.#sandboxes.mood = mood as FakeSandboxes["mood"];
      this.#sandboxes.release();
    },
    stream: ({ words: [name] }) => {
      this.#streams.set(name!, this.#agent().assignments.openStream());
    },
    "end-stream": ({ words: [name] }) => this.#streams.get(name!)?.close(),
    assign: (command) => this.#tell(command, this.#assignFrame(command)),
    revoke: (command) => this.#tell(command, { type: "revoke", uid: this.#uid(command.words[0]!) }),
    synced: (command) => this.#tell(command, { type: "synced" }),
    ping: (command) => {
      const watchAgeSeconds = Number(command.options.get("age") ?? 0);
      return this.#tell(command, { type: "ping", watchAgeSeconds });
    },
    "direct-read": (command) => void this.#reads.set(command.words[1]!, this.#assignFrame(command)),
    accept: (command) => this.#accept(command),
    "accept-at-once": async ({ words }) => {
      const accepted = await Promise.all(
        words.map((end) => this.#accept({ name: "accept", words: [end], options: new Map() })),
      );
      return accepted.join("\n");
    },
    request: (command) => this.#request(command),
    "request-by-token": (command) => this.#requestByToken(command),
    wait: ({ words: [time] }) => this.#clock.advance(milliseconds(time!)),
    "set-clock-back": ({ words: [time] }) =>
      this.#clock.setWall(this.#clock.now() - milliseconds(time!)),
    "exchange-used-sockets": () => this.#agents[0]!.exchange(this.#agents[1]!),
    "at-next-read": ({ words: [path, ...words], options }) => {
      const rest = [...options].map(([key, value]) => value === "" ? key : `${key}=${value}`);
      this.#atNextRead(new RegExp(path!), [...words, ...rest].join(" "));
    },
    "count-reads": ({ words: [path] }) => {
      const count = this.#proc.count(new RegExp(path!));
      this.#proc.reads.clear();
      return String(count);
    },
    identity: () => {
      const { kind, fallback, missing } = this.#agent().identity;
      const lines = [kind, ...fallback === null ? [] : [`fallback: ${fallback}`]];
      return [...lines, ...missing().map((line) => `not ready: ${line}`)].join("\n");
    },
    disagreements: () => String(this.#agent().disagreements),
    "bound-to": ({ words: [end] }) => {
      return this.#agent().callers.lastKnown(this.#connection(end!)) ?? "nobody";
    },
  };

  async #startAgent({ words: [identity = "kernel"], options }: Command): Promise<void> {
    const agent = await AgentOnNode.start(this.#around, {
      identity: identity as AgentOfScenario["identity"],
      handlers: options.get("handlers")?.split(",") ?? [],
      withRuntime: identity === "runtime" || options.has("with-runtime") ||
        options.has("handlers"),
      predecessor: this.#agents.at(-1) ?? null,
    });
    this.#agents.push(agent);
    if (options.has("not-connected")) return;
    this.#streams.set("1", agent.assignments.openStream());
    for (const frame of [{ type: "synced" }, { type: "ping", watchAgeSeconds: 0 }] as const) {
      this.#streams.get("1")!.apply(frame);
    }
  }

  /** `pod NAME ip=…`: a sandbox's process in a network namespace of its own. */
  #startPod({ words: [name], options }: Command): void {
    const ips = options.get("ip")?.split(",") ?? [];
    const cgroup = podCgroup(options.get("static") ?? this.#uid(name!));
    const onNode = options.has("host-network");
    const namespace = onNode ? this.#proc.node : this.#proc.namespace(ips);
    this.#processes.set(name!, this.#proc.start({ cgroup, namespace }));
  }

  /** `process NAME of=POD [in=PROCESS|new|node] [first] [cgroup=…]` */
  #startProcess({ words: [name], options }: Command): void {
    const pod = options.get("of")!;
    const below = options.get("below");
    const cgroup = options.get("cgroup") === "node"
      ? "0::/system.slice/x.service\n"
      : podCgroup(this.#uid(pod)).replace("\n", below ? `/pod${this.#uid(below)}/x\n` : "\n");
    const first = options.has("first") ? { startedAt: 1 } : {};
    const pid = options.has("pid-of") ? { pid: this.#process(options.get("pid-of")).pid } : {};
    const namespace = this.#namespace(options.get("in") ?? pod, options);
    this.#processes.set(name!, this.#proc.start({ cgroup, namespace, ...first, ...pid }));
  }

  #namespace(where: string, options: Command["options"]) {
    if (where === "node") return this.#proc.node;
    if (where === "new") return this.#proc.namespace(options.get("ip")?.split(",") ?? []);
    return this.#process(where).namespace;
  }

  #move(process: FakeProcess, options: Command["options"]): void {
    const pod = options.get("to-pod");
    if (pod !== undefined) process.cgroup = podCgroup(this.#uid(pod));
    const where = options.get("to");
    if (where !== undefined) process.namespace = this.#namespace(where, options);
  }

  /** `connect PROCESS LOCAL [to=…] [dual-stack]` */
  #connect({ words: [name, end], options }: Command): void {
    this.#proc.connect(this.#process(name).namespace, end!, {
      ...options.has("to") && { remote: options.get("to")! },
      ...options.has("inode") && { inode: Number(options.get("inode")) },
      dualStack: options.has("dual-stack"),
    });
  }

  #assignFrame({ words: [name], options }: Command): AssignFrame {
    const uid = this.#uid(name!);
    const pod: Partial<PodFrame> = {
      ips: options.get("ip")?.split(",") ?? [],
      hostNetwork: options.has("host-network"),
      terminating: options.has("terminating"),
      ...options.has("created") && { createdAt: `2026-01-01T00:00:${options.get("created")}Z` },
      ...options.has("static") && { configHash: options.get("static")! },
    };
    const role = options.get("role") ?? "its-own";
    if (role === "none") return podFrame(uid, pod);
    if (role === "denied") return deniedFrame(uid, pod);
    const lasts = options.get("lasts") ?? "1h";
    const expiresAt = options.has("pending") ? null : this.#clock.now() + milliseconds(lasts);
    return roleFrame(uid, { identity: role, expiresAt, key: options.get("key") ?? uid }, pod);
  }

  #tell({ options }: Command, frame: Frame): void {
    this.#streams.get(options.get("stream") ?? "1")!.apply(frame);
  }

  /** Prints what is proven, if the kernel is asked. */
  async #accept({ words: [peer, local], options }: Command): Promise<string | void> {
    const agent = this.#agent(options.get("agent"));
    const connection = agent.accept(peer!, local);
    this.#connections.set(peer!, connection);
    await settled();
    if (agent.identity.kind === "kernel") return await this.#proofOf(agent, connection);
  }

  async #proofOf(agent: AgentOnNode, connection: ConnectionEnds): Promise<string> {
    await agent.callers.identified(connection);
    const uid = agent.identity.source.lastKnown(connection);
    const found = agent.callers.find(connection);
    return uid ?? (found.kind === "pod" ? found.pod.uid : found.kind);
  }

  async #request({ words: [end], options }: Command): Promise<string> {
    const connection = this.#connection(end!);
    const { callers } = this.#agent(options.get("agent"));
    const asked = this.#clock.monotonic();
    const found = callers.waitFor(connection, waitMs, never).then((found) => {
      const ms = this.#clock.monotonic() - asked;
      return `${answerOf(found)}${ms > 0 ? `, after ${ms} ms` : ""}`;
    });
    return await this.#answered(end!, found, options);
  }

  async #requestByToken({ words: [name], options }: Command): Promise<string> {
    const asked = this.#clock.monotonic();
    const { callers } = this.#agent();
    const found = callers.waitForUid(this.#uid(name!), waitMs, never).then((found) => {
      const ms = this.#clock.monotonic() - asked;
      return `${answerOf(found)}${ms > 0 ? `, after ${ms} ms` : ""}`;
    });
    return await this.#answered(name!, found, options);
  }

  /** A request in the background prints its answer when it has one. */
  async #answered(
    who: string,
    found: Promise<string>,
    options: Command["options"],
  ): Promise<string> {
    let answer: string | undefined;
    const settling = found.then((text) => {
      answer = text;
      if (options.has("in-background")) this.#lines.push(`${who}: ${text}`);
    });
    await settled();
    if (options.has("in-background")) return answer === undefined ? "waits" : "";
    await this.#clock.advance(answer === undefined ? waitMs : 0);
    await settling;
    return answer!;
  }

  #atNextRead(path: RegExp, line: string): void {
    this.#proc.beforeRead = async (read) => {
      if (!path.test(read)) return;
      this.#proc.beforeRead = () => {};
      await this.run(line);
    };
  }

  #agent(nth?: string): AgentOnNode {
    return this.#agents.at(nth === undefined ? -1 : Number(nth) - 1)!;
  }

  #process(name: string | undefined): FakeProcess {
    const process = this.#processes.get(name ?? "");
    if (process === undefined) throw new Error(`no process ${name}`);
    return process;
  }

  #socket(name: string | undefined, end: string | undefined) {
    return this.#process(name).namespace.sockets.findLast(({ local }) => local === end)!;
  }

  /** Accepted before, or, where addresses identify pods, just from there. */
  #connection(end: string): ConnectionEnds {
    const known = this.#connections.get(end);
    if (known !== undefined) return known;
    const connection = this.#agent().accept(end.includes(":40") ? end : `${bracketed(end)}:40000`);
    this.#connections.set(end, connection);
    return connection;
  }

  /** A UID in the API's form, the same for the same name. */
  #uid(name: string): string {
    const known = this.#uids.get(name);
    if (known !== undefined) return known;
    const uid = `00000000-0000-4000-8000-${String(this.#uids.size + 1).padStart(12, "0")}`;
    this.#uids.set(name, uid);
    return uid;
  }

  #named(text: string): string {
    let named = text;
    for (const [name, uid] of this.#uids) named = named.replaceAll(uid, name);
    return named;
  }
}

function bracketed(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

function parse(line: string): Command {
  const [name = "", ...rest] = line.trim().split(/\s+/);
  const words: string[] = [];
  const options = new Map<string, string>();
  for (const word of rest) {
    const at = word.indexOf("=");
    if (at > 0) options.set(word.slice(0, at), word.slice(at + 1));
    else if (flags.has(word)) options.set(word, "");
    else words.push(word);
  }
  return { name, words, options };
}

const flags = new Set([
  "dual-stack",
  "first",
  "host-network",
  "in-background",
  "not-connected",
  "pending",
  "with-runtime",
  "terminating",
]);

function milliseconds(text: string): number {
  const [, count, unit] = /^(\d+)(ms|s|m|h)$/.exec(text) ?? [];
  return Number(count) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit as "ms"];
}

export { nodeAddress };
