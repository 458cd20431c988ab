/**
 * Runs identity scenarios: text files of commands, each followed by `----` and what it prints.
 * README.md in this folder lists the commands.
 */
import type { ConnectionEnds } from "../../../src/net/http_messages.ts";
import type { AssignmentStream } from "../../../src/agent/assignments/assignments.ts";
import { FakeProc, type FakeProcess, podCgroup, translated } from "../../fakes/fake_proc.ts";
import { deniedFrame, type PodFrame, podFrame, roleFrame } from "../../fakes/frames.ts";
import { flushPromises, ManualClock } from "../../fakes/manual_clock.ts";
import { type FakeSandboxes, fakeSandboxes } from "../../fakes/sandboxes.ts";
import type { AssignFrame, Frame } from "../../../src/protocol/frames.ts";
import { AgentOnNode, type AgentOptions, answerOf, nodeAddress } from "./node.ts";

/** `name arg arg option=value flag` */
interface Command {
  readonly name: string;
  readonly args: readonly string[];
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

  /** Returns what the command prints, if anything; requests in the background may add to it. */
  async run(line: string): Promise<string> {
    this.#lines = [];
    const command = parse(line);
    const run = this.#commands[command.name];
    if (run === undefined) throw new Error(`unknown command: ${line}`);
    const printed = await run(command);
    await flushPromises();
    const lines = [...printed === undefined ? [] : [printed], ...this.#lines];
    return this.#named(lines.filter((line) => line !== "").join("\n"));
  }

  readonly #commands: Readonly<
    Record<string, (command: Command) => Promise<string | void> | string | void>
  > = {
    // The agent.
    "start-agent": (command) => this.#startAgent(command),
    "show-identity": () => {
      const { kind, fallback, missing } = this.#agent().identity;
      const lines = [kind, ...fallback === null ? [] : [`fallback: ${fallback}`]];
      return [...lines, ...missing().map((line) => `not ready: ${line}`)].join("\n");
    },
    accept: (command) => this.#accept(command),
    "accept-at-once": async ({ args }) => {
      const accepted = await Promise.all(
        args.map((end) => this.#accept({ name: "accept", args: [end], options: new Map() })),
      );
      return accepted.join("\n");
    },
    request: (command) => this.#request(command),
    "request-with-token": (command) => this.#requestWithToken(command),
    "show-token-owner": ({ args: [end] }) => {
      return this.#agent().callers.lastKnown(this.#connection(end!)) ?? "nobody";
    },
    "show-disagreements": () => String(this.#agent().disagreements),
    "agents-exchange-used-sockets": () => this.#agents[0]!.exchange(this.#agents[1]!),

    // The server.
    "open-stream": ({ args: [name] }) => {
      this.#streams.set(name!, this.#agent().assignments.openStream());
    },
    "close-stream": ({ args: [name] }) => this.#streams.get(name!)?.close(),
    "server-assigns": (command) => this.#send(command, this.#assignFrame(command)),
    "server-revokes": (command) =>
      this.#send(command, { type: "revoke", uid: this.#uid(command.args[0]!) }),
    "server-completes-snapshot": (command) => this.#send(command, { type: "synced" }),
    "server-pings": (command) => {
      const age = milliseconds(command.options.get("watch-age") ?? "0s");
      this.#send(command, { type: "ping", watchAgeSeconds: age / 1000 });
    },
    "read-finds": (command) =>
      void this.#reads.set(command.options.get("at")!, this.#assignFrame(command)),

    // The node.
    "start-pod": (command) => this.#startPod(command),
    "start-process": (command) => this.#startProcess(command),
    "end-process": ({ args: [name] }) => this.#proc.exit(this.#process(name)),
    "move-process": ({ args: [name], options }) => this.#move(this.#process(name), options),
    "add-address": ({ args: [name, ...ips] }) => {
      for (const ip of ips) this.#process(name).namespace.addresses.add(ip);
    },
    connect: (command) => this.#connect(command),
    "remove-socket": ({ args: [name, end] }) => {
      const { namespace } = this.#process(name);
      this.#proc.close(namespace, this.#socket(name, end));
    },
    "set-socket-state": ({ args: [name, end, state] }) => {
      this.#socket(name, end).state = socketStates[state as keyof typeof socketStates];
    },
    "add-nat": ({ args: [name], options }) => {
      const { namespace } = this.#process(name);
      const tuple = translated(options.get("inside")!, options.get("outside")!);
      namespace.conntrack = [...namespace.conntrack ?? [], tuple];
    },
    "clear-nat": ({ args: [name] }) => {
      this.#process(name).namespace.conntrack = [];
    },
    "make-proc-unreadable": ({ args: [path] }) =>
      void this.#proc.broken.set(new RegExp(path!), "EACCES"),
    "make-proc-readable": () => this.#proc.broken.clear(),
    "before-next-proc-read": ({ args: [path, ...args], options }) => {
      const rest = [...options].map(([key, value]) => value === "" ? key : `${key}=${value}`);
      this.#beforeNextRead(new RegExp(path!), [...args, ...rest].join(" "));
    },
    "count-proc-reads": ({ args: [path] }) => {
      const count = this.#proc.count(new RegExp(path!));
      this.#proc.reads.clear();
      return String(count);
    },
    "runtime-lists": ({ args: [name], options }) => {
      const ips = options.has("ip") ? options.get("ip")!.split(",") : null;
      const runtimeHandler = options.get("handler") ?? "";
      this.#sandboxes.ready.set(name!, { podUid: this.#uid(name!), ips, runtimeHandler });
    },
    "runtime-drops": ({ args: [name] }) => void this.#sandboxes.ready.delete(name!),
    runtime: ({ args: [mode] }) => {
      this.#sandboxes.mode = mode as FakeSandboxes["mode"];
      this.#sandboxes.release();
    },

    // Time.
    wait: ({ args: [time] }) => this.#clock.advance(milliseconds(time!)),
    "set-clock-back": ({ args: [time] }) =>
      this.#clock.setWall(this.#clock.now() - milliseconds(time!)),
  };

  async #startAgent({ options }: Command): Promise<void> {
    const identity = options.get("identity") as AgentOptions["identity"];
    const agent = await AgentOnNode.start(this.#around, {
      identity,
      handlers: options.get("runtime-handlers")?.split(",") ?? [],
      withRuntime: identity === "runtime" || options.has("cri-socket") ||
        options.has("runtime-handlers"),
      predecessor: this.#agents.at(-1) ?? null,
    });
    this.#agents.push(agent);
    if (options.has("not-connected")) return;
    this.#streams.set("1", agent.assignments.openStream());
    for (const frame of [{ type: "synced" }, { type: "ping", watchAgeSeconds: 0 }] as const) {
      this.#streams.get("1")!.apply(frame);
    }
  }

  /** The first process of a pod, in its own network namespace. */
  #startPod({ args: [name], options }: Command): void {
    const ips = options.get("ip")?.split(",") ?? [];
    const cgroup = podCgroup(options.get("config-hash") ?? this.#uid(name!));
    const onNode = options.has("host-network");
    const namespace = onNode ? this.#proc.node : this.#proc.namespace(ips);
    this.#processes.set(name!, this.#proc.start({ cgroup, namespace }));
  }

  #startProcess({ args: [name], options }: Command): void {
    const pod = options.get("pod")!;
    const child = options.get("child-cgroup");
    const cgroup = options.get("cgroup") === "node"
      ? "0::/system.slice/x.service\n"
      : podCgroup(this.#uid(pod)).replace("\n", child ? `/pod${this.#uid(child)}/x\n` : "\n");
    const oldest = options.has("oldest") ? { startedAt: 1 } : {};
    const pid = options.has("reuses-pid-of")
      ? { pid: this.#process(options.get("reuses-pid-of")).pid }
      : {};
    const namespace = this.#namespace(options.get("namespace") ?? pod, options);
    this.#processes.set(name!, this.#proc.start({ cgroup, namespace, ...oldest, ...pid }));
  }

  #namespace(where: string, options: Command["options"]) {
    if (where === "node") return this.#proc.node;
    if (where === "new") return this.#proc.namespace(options.get("ip")?.split(",") ?? []);
    return this.#process(where).namespace;
  }

  #move(process: FakeProcess, options: Command["options"]): void {
    const pod = options.get("pod");
    if (pod !== undefined) process.cgroup = podCgroup(this.#uid(pod));
    const where = options.get("namespace");
    if (where !== undefined) process.namespace = this.#namespace(where, options);
  }

  #connect({ args: [name], options }: Command): void {
    this.#proc.connect(this.#process(name).namespace, options.get("from")!, {
      ...options.has("to") && { remote: options.get("to")! },
      ...options.has("inode") && { inode: Number(options.get("inode")) },
      dualStack: options.has("dual-stack"),
    });
  }

  #assignFrame({ args: [name], options }: Command): AssignFrame {
    const uid = this.#uid(name!);
    const pod: Partial<PodFrame> = {
      ips: options.get("ip")?.split(",") ?? [],
      hostNetwork: options.has("host-network"),
      terminating: options.has("terminating"),
      ...options.has("created") && { createdAt: `2026-01-01T${options.get("created")}Z` },
      ...options.has("config-hash") && { configHash: options.get("config-hash")! },
    };
    const role = options.get("role") ?? "its-own";
    if (role === "none") return podFrame(uid, pod);
    if (role === "denied") return deniedFrame(uid, pod);
    const life = options.get("expires-in") ?? "1h";
    const expiresAt = options.has("pending") ? null : this.#clock.now() + milliseconds(life);
    return roleFrame(
      uid,
      { identity: role, expiresAt, key: options.get("credentials") ?? uid },
      pod,
    );
  }

  #send({ options }: Command, frame: Frame): void {
    this.#streams.get(options.get("stream") ?? "1")!.apply(frame);
  }

  /** Prints what the kernel proves, if it identifies callers. */
  async #accept({ args: [peer], options }: Command): Promise<string | void> {
    const agent = this.#agent(options.get("agent"));
    const local = options.has("already-reset") ? "reset" : options.get("at");
    const connection = agent.accept(peer!, local);
    this.#connections.set(peer!, connection);
    await flushPromises();
    if (agent.identity.kind === "kernel") return await this.#proofOf(agent, connection);
  }

  async #proofOf(agent: AgentOnNode, connection: ConnectionEnds): Promise<string> {
    await agent.callers.identified(connection);
    const uid = agent.identity.source.lastKnown(connection);
    const found = agent.callers.find(connection);
    if (uid !== undefined) return `proven: ${uid}`;
    if (found.kind === "unproven") return "not proven";
    return "not proven, so the container runtime decides";
  }

  async #request({ args: [end], options }: Command): Promise<string> {
    const connection = this.#connection(end!);
    const { callers } = this.#agent(options.get("agent"));
    const startedAt = this.#clock.monotonic();
    const found = callers.waitFor(connection, waitMs, never).then((found) => {
      const ms = this.#clock.monotonic() - startedAt;
      return `${answerOf(found)}${ms > 0 ? `, after ${ms} ms` : ""}`;
    });
    return await this.#answered(end!, found, options);
  }

  async #requestWithToken({ args: [name], options }: Command): Promise<string> {
    const startedAt = this.#clock.monotonic();
    const { callers } = this.#agent();
    const found = callers.waitForUid(this.#uid(name!), waitMs, never).then((found) => {
      const ms = this.#clock.monotonic() - startedAt;
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
    const answered = found.then((text) => {
      answer = text;
      if (options.has("in-background")) this.#lines.push(`${who}: ${text}`);
    });
    await flushPromises();
    if (options.has("in-background")) return answer === undefined ? "still waiting" : "";
    await this.#clock.advance(answer === undefined ? waitMs : 0);
    await answered;
    return answer!;
  }

  #beforeNextRead(path: RegExp, line: string): void {
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

  /** An accepted connection, or else a new one from that address. */
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
  const args: string[] = [];
  const options = new Map<string, string>();
  for (const word of rest) {
    const at = word.indexOf("=");
    if (at > 0) options.set(word.slice(0, at), word.slice(at + 1));
    else if (flags.has(word)) options.set(word, "");
    else args.push(word);
  }
  return { name, args, options };
}

const flags = new Set([
  "already-reset",
  "cri-socket",
  "dual-stack",
  "host-network",
  "in-background",
  "not-connected",
  "oldest",
  "pending",
  "terminating",
]);

/** As the kernel's `tcp_states.h` numbers them. */
const socketStates = { FIN_WAIT2: "05", TIME_WAIT: "06", CLOSE_WAIT: "08" } as const;

function milliseconds(text: string): number {
  const [, count, unit] = /^(\d+)(ms|s|m|h)$/.exec(text) ?? [];
  return Number(count) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit as "ms"];
}

export { nodeAddress };
