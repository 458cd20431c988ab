/**
 * A node with pods on one bridge, in network namespaces of their own: the node redirects the metadata
 * address to its agent, and each pod has a process in a cgroup as a kubelet names it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, rmdirSync } from "node:fs";
import process from "node:process";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createRunProgram } from "../../../src/runtime/program.ts";

const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const runProgram = createRunProgram(path);
const podScript = fileURLToPath(new URL("pod.py", import.meta.url));
const nestedScript = fileURLToPath(new URL("nested.sh", import.meta.url));
const agentScript = fileURLToPath(new URL("identifying.ts", import.meta.url));

export const nodeAddress = "10.233.0.1";
export const metadata = "169.254.169.254";
const port = 8181;

/** Why the tests can't run here, in one line; null if they can. */
export async function cannotRun(): Promise<string | null> {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (process.getuid?.() !== 0) return "network namespaces need root";
  for (const program of ["ip", "nsenter", "nft", "python3", "unshare"]) {
    const { code } = await runProgram(program, ["--version"]);
    if (code === 127) return `${program} isn't installed`;
  }
  return existsSync(cgroupRoot()) ? null : "cgroups aren't mounted";
}

/** cgroup v2, or any hierarchy of v1. */
function cgroupRoot(): string {
  const root = "/sys/fs/cgroup";
  return existsSync(`${root}/cgroup.controllers`) ? root : `${root}/pids`;
}

/** A program that exchanges lines over its standard input and output. */
export class Talking {
  readonly child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(command: readonly string[]) {
    const [program = "", ...args] = command;
    this.child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    const lines: Interface = createInterface({ input: this.child.stdout! });
    this.#lines = lines[Symbol.asyncIterator]();
  }

  async next(): Promise<string> {
    const { value, done } = await this.#lines.next();
    return done ? "ended" : value;
  }

  say(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }
}

export interface NetPod {
  readonly uid: string;
  readonly address: string;
  readonly net: string;
}

export class PodNetwork {
  readonly #id = `ri${process.pid}`;
  readonly #cgroups: string[] = [];
  readonly #nets: string[] = [];
  readonly #children: ChildProcess[] = [];
  #pods = 0;

  async open(): Promise<void> {
    await this.#net("node");
    await this.#ip("node", "link add br0 type bridge");
    await this.#ip("node", `addr add ${nodeAddress}/24 dev br0`);
    await this.#ip("node", "link set br0 up");
    await this.#in("node", ["sysctl", "-qw", "net.ipv4.ip_forward=1"]);
    const chain = ["chain", "ip", "identity", "pre"];
    const hook = "{ type nat hook prerouting priority dstnat; }";
    const rule = `ip daddr ${metadata} tcp dport 80 dnat to ${nodeAddress}:${port}`;
    await this.#in("node", ["nft", "add", "table", "ip", "identity"]);
    await this.#in("node", ["nft", "add", ...chain, hook]);
    await this.#in("node", ["nft", "add", "rule", "ip", "identity", "pre", ...rule.split(" ")]);
  }

  /** The agent, in its own host-network pod; the API shows it the addresses of these pods. */
  async agent(...known: readonly NetPod[]): Promise<Talking> {
    const runtime = "Deno" in globalThis ? ["run", "-A", "--cached-only"] : [];
    const uid = "aaaaaaaa-0000-4000-8000-000000000001";
    const cgroup = this.#cgroup(`burstable/pod${uid}/agent`);
    const shown = known.map(({ address, uid }) => `${address}=${uid}`);
    const command = [process.execPath, ...runtime, agentScript, nodeAddress, `${port}`, ...shown];
    const agent = this.#start("node", cgroup, command);
    if (await agent.next() !== "listening") throw new Error("the agent didn't start");
    return agent;
  }

  /** On the bridge like a pod, but in no pod's cgroup. */
  async stranger(): Promise<NetPod> {
    return await this.#open("stranger");
  }

  /** A pod on the bridge, with a process that only keeps its namespace. */
  async pod(): Promise<NetPod> {
    return await this.#open(`00000000-0000-4000-8000-${String(this.#pods + 1).padStart(12, "0")}`);
  }

  async #open(uid: string): Promise<NetPod> {
    const number = ++this.#pods;
    const address = `10.233.0.${number + 1}`;
    const net = `pod${number}`;
    await this.#net(net);
    const there = ["type", "veth", "peer", "name", "eth0", "netns", this.#name(net)];
    await this.#in("node", ["ip", "link", "add", `v${number}`, ...there]);
    await this.#ip("node", `link set v${number} master br0 up`);
    await this.#ip(net, `addr add ${address}/24 dev eth0`);
    await this.#ip(net, "link set eth0 up");
    await this.#ip(net, `route add default via ${nodeAddress}`);
    const pod = { uid, address, net };
    this.inPod(pod, ["sleep", "1000"]);
    return pod;
  }

  /** Runs pod.py in the pod. */
  python(pod: NetPod, ...args: readonly string[]): Talking {
    return this.inPod(pod, ["python3", podScript, ...args]);
  }

  /** Runs a program in the pod; `below` is a child of the pod's own cgroup. */
  inPod({ uid, net }: NetPod, command: readonly string[], below = ""): Talking {
    return this.#start(net, this.#cgroup(`besteffort/pod${uid}/main${below}`), command);
  }

  /** Runs pod.py in a container inside the pod. */
  nested(pod: NetPod, ...args: readonly string[]): Talking {
    return this.inPod(pod, ["sh", nestedScript, "python3", podScript, ...args]);
  }

  get podScript(): string {
    return podScript;
  }

  /** Flushes the node's neighbour table. */
  async forgetNeighbours(): Promise<void> {
    await this.#ip("node", "neigh flush dev br0");
  }

  /** Runs `ip` in a pod's namespace, as a CNI plugin could. */
  ip({ net }: NetPod, words: string): Promise<void> {
    return this.#ip(net, words);
  }

  async close(): Promise<void> {
    for (const child of this.#children) child.kill("SIGKILL");
    await Promise.all(
      this.#children.map((child) =>
        child.exitCode === null && child.signalCode === null
          ? new Promise((resolve) => child.once("exit", resolve))
          : undefined
      ),
    );
    for (const net of this.#nets) await runProgram("ip", ["netns", "del", net]);
    for (const cgroup of this.#cgroups.toReversed()) rmdirSync(cgroup);
  }

  /** The program puts itself into the cgroup first, so it is never seen elsewhere. */
  #start(net: string, cgroup: string, command: readonly string[]): Talking {
    const enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"';
    const inNet = ["nsenter", `--net=/run/netns/${this.#name(net)}`];
    const program = new Talking([...inNet, "sh", "-c", enter, cgroup, ...command]);
    this.#children.push(program.child);
    return program;
  }

  #cgroup(name: string): string {
    let path = cgroupRoot();
    for (const part of [this.#id, "kubepods", ...name.split("/")]) {
      path += `/${part}`;
      if (existsSync(path)) continue;
      mkdirSync(path);
      this.#cgroups.push(path);
    }
    return path;
  }

  async #net(name: string): Promise<void> {
    const net = this.#name(name);
    await must("ip", ["netns", "add", net]);
    this.#nets.push(net);
    await this.#ip(name, "link set lo up");
  }

  #name(net: string): string {
    return `${this.#id}-${net}`;
  }

  #ip(net: string, words: string): Promise<void> {
    return this.#in(net, ["ip", ...words.split(" ")]);
  }

  async #in(net: string, command: readonly string[]): Promise<void> {
    await must("nsenter", [`--net=/run/netns/${this.#name(net)}`, ...command]);
  }
}

async function must(program: string, args: readonly string[]): Promise<void> {
  const { code, stderr } = await runProgram(program, args);
  if (code !== 0) throw new Error(`${program} ${args.join(" ")}: ${stderr}`);
}
