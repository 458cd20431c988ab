/**
 * A pod, a node and a metadata service in network namespaces of their own, on real packet filters:
 * the pod's packets to the metadata service are forwarded by the node, out of `eth0`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { FollowProgram, RunProgram } from "../../src/runtime/runtime.ts";
import { createFollowProgram, createRunProgram } from "../../src/runtime/program.ts";
import { interfaceMatch } from "../../src/agent/redirect/interface_match.ts";
import type { RedirectSettings } from "../../src/agent/redirect/redirect_rules.ts";

const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const onMachine = createRunProgram(path);
const answering = fileURLToPath(new URL("answering.ts", import.meta.url));

export const nodeAddress = "10.232.1.1";
export const nodeAddress6 = "fd32:1::1";

/** For every interface but the node's own; the agent would listen on 8181. */
export const redirectSettings: RedirectSettings = {
  hostIp: nodeAddress,
  hostIpv6: nodeAddress6,
  port: 8181,
  interface: interfaceMatch("!eth0")!,
  direct: false,
};

/** Why the tests can't run here, in one line; null where they can. */
export async function cannotRun(): Promise<string | null> {
  if (process.platform !== "linux") return "packet filters are Linux's";
  if (process.getuid?.() !== 0) return "network namespaces need root";
  for (const program of ["ip", "nsenter", "iptables-nft", "iptables-legacy", "nft", "conntrack"]) {
    const { code } = await onMachine(program, ["--version"]);
    if (code === 127) return `${program} isn't installed`;
  }
  return null;
}

export class FirewallNetwork {
  readonly #id = `rc${process.pid}-${crypto.randomUUID().slice(0, 4)}`;
  readonly #children: ChildProcess[] = [];

  /** Runs a program on the node, as the agent does. */
  readonly onNode: RunProgram = (command, args, options) =>
    this.#in("node", command, args, options);

  readonly followOnNode: FollowProgram = (command, args, options) => {
    const inside = [`--net=/run/netns/${this.#name("node")}`, command, ...args];
    return createFollowProgram(path)("nsenter", inside, options);
  };

  async open(): Promise<void> {
    for (const name of ["pod", "node", "imds"]) {
      await this.#must("ip", "netns", "add", this.#name(name));
      await this.#ip(name, "link set lo up");
      // Link-local addresses are usable at once, without a second of duplicate address detection.
      await this.#inMust(name, "sysctl", ["-qw", "net.ipv6.conf.default.accept_dad=0"]);
    }
    await this.#cable("node", "pod0", "pod", "eth0");
    await this.#cable("node", "eth0", "imds", "eth0");
    await this.#address("node", "pod0", "10.232.1.1/24", "fd32:1::1/64");
    await this.#address("pod", "eth0", "10.232.1.2/24", "fd32:1::2/64");
    await this.#address("node", "eth0", "10.232.2.1/24", "fd32:2::1/64");
    await this.#address("imds", "eth0", "10.232.2.2/24", "fd32:2::2/64");
    await this.#address("imds", "lo", "169.254.169.254/32", "fd00:ec2::254/128");
    for (const family of ["", "-6 "]) {
      const [pod, node] = family === "" ? ["10.232.1.1", "10.232.2.1"] : ["fd32:1::1", "fd32:2::1"];
      const [target, via] = family === ""
        ? ["169.254.169.254/32", "10.232.2.2"]
        : ["fd00:ec2::254/128", "fd32:2::2"];
      await this.#ip("pod", `${family}route add default via ${pod}`);
      await this.#ip("imds", `${family}route add default via ${node}`);
      await this.#ip("node", `${family}route add ${target} via ${via}`);
    }
    for (const key of ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"]) {
      await this.#inMust("node", "sysctl", ["-qw", `${key}=1`]);
    }
    await this.#answer("imds", "imds", 80, 8080);
    await this.#answer("node", "agent", 8181, 8282);
  }

  /** Counts the pod's packets to the metadata service, whatever it answers. */
  async countFromPod(): Promise<() => Promise<number>> {
    const counted = `add table inet counted
      delete table inet counted
      table inet counted {
        chain counted {
          type filter hook prerouting priority -300;
          ip saddr 10.232.1.0/24 counter
          ip6 saddr fd32:1::/64 counter
        }
      }
    `;
    const { code, stderr } = await this.#in("imds", "nft", ["-f", "-"], { stdin: counted });
    if (code !== 0) throw new Error(stderr);
    return async () => {
      const { stdout } = await this.#in("imds", "nft", ["list", "table", "inet", "counted"]);
      const counts = [...stdout.matchAll(/counter packets (\d+)/g)].map(([, count]) =>
        Number(count)
      );
      if (counts.length !== 2) throw new Error(stdout);
      return counts.reduce((sum, count) => sum + count, 0);
    };
  }

  /** Pods behind a bridge whose packets the filter sees as well, as many CNI plugins have it. */
  async bridgePods(): Promise<void> {
    await this.#ip("node", "link add cni0 type bridge");
    for (const address of ["10.232.1.1/24", "fd32:1::1/64"]) {
      await this.#ip("node", `addr del ${address} dev pod0`);
    }
    await this.#ip("node", "link set pod0 master cni0");
    await this.#ip("node", "link set cni0 up");
    await this.#address("node", "cni0", "10.232.1.1/24", "fd32:1::1/64");
    for (const key of ["bridge-nf-call-iptables", "bridge-nf-call-ip6tables"]) {
      await this.#in("node", "sysctl", ["-qw", `net.bridge.${key}=1`]);
    }
  }

  async close(): Promise<void> {
    for (const child of this.#children) child.kill("SIGKILL");
    for (const name of ["pod", "node", "imds"]) {
      await onMachine("ip", ["netns", "del", this.#name(name)]);
    }
  }

  /** The answer to the pod at this address; null if there is none within a second. */
  requestFromPod(host: string, port = 80): Promise<string | null> {
    return this.#send("pod", host, port);
  }

  requestFromNode(host: string, port = 80): Promise<string | null> {
    return this.#send("node", host, port);
  }

  /** What the pod's connect() gets: `connected`, the error's code, or `silence` for a second. */
  async connectFromPod(host: string, port = 80): Promise<string> {
    const script = this.#script(["connect", host, `${port}`]);
    return (await this.#in("pod", process.execPath, script)).stdout.trim();
  }

  /** A connection of the pod that is open before its first request. */
  async openFromPod(host: string): Promise<{ send(): Promise<string | null> }> {
    const child = this.#spawn("pod", ["held", host, "80"]);
    await nextOutput(child);
    return {
      send: async () => {
        child.stdin?.write("ask\n");
        const answer = await nextOutput(child);
        return answer === "nobody" ? null : answer;
      },
    };
  }

  /** Sends requests from the pod without a pause until `end`, which returns a count of each answer. */
  async loopFromPod(host: string): Promise<{ end(): Promise<Record<string, number>> }> {
    const child = this.#spawn("pod", ["loop", host, "80"]);
    await nextOutput(child);
    return {
      end: async () => {
        child.stdin?.write("end\n");
        return JSON.parse(await nextOutput(child));
      },
    };
  }

  async #send(from: string, host: string, port: number): Promise<string | null> {
    const { stdout } = await this.#in(
      from,
      process.execPath,
      this.#script(["ask", host, `${port}`]),
    );
    const answer = stdout.trim();
    return answer === "nobody" ? null : answer;
  }

  async #answer(at: string, text: string, ...ports: number[]): Promise<void> {
    const child = this.#spawn(at, ["answer", text, ...ports.map(String)]);
    await nextOutput(child);
  }

  #spawn(at: string, args: readonly string[]): ChildProcess {
    const command = [`--net=/run/netns/${this.#name(at)}`, process.execPath, ...this.#script(args)];
    const child = spawn("nsenter", command, { stdio: ["pipe", "pipe", "inherit"] });
    this.#children.push(child);
    return child;
  }

  #script(args: readonly string[]): string[] {
    const runtime = "Deno" in globalThis ? ["run", "-A", "--cached-only"] : [];
    return [...runtime, answering, ...args];
  }

  async #cable(a: string, aName: string, b: string, bName: string): Promise<void> {
    const [from, to] = [this.#name(a), this.#name(b)];
    const peer = ["type", "veth", "peer", "name", bName, "netns", to];
    await this.#must("ip", "link", "add", aName, "netns", from, ...peer);
    await this.#ip(a, `link set ${aName} up`);
    await this.#ip(b, `link set ${bName} up`);
  }

  async #address(at: string, device: string, v4: string, v6: string): Promise<void> {
    await this.#ip(at, `addr add ${v4} dev ${device}`);
    await this.#ip(at, `addr add ${v6} dev ${device} nodad`);
  }

  #name(part: string): string {
    return `${this.#id}-${part}`;
  }

  #ip(at: string, words: string): Promise<void> {
    return this.#inMust(at, "ip", words.split(" "));
  }

  #in: (
    at: string,
    command: string,
    args: readonly string[],
    options?: Parameters<RunProgram>[2],
  ) => ReturnType<RunProgram> = (at, command, args, options) =>
    onMachine("nsenter", [`--net=/run/netns/${this.#name(at)}`, command, ...args], options);

  async #inMust(at: string, command: string, args: readonly string[]): Promise<void> {
    const { code, stderr } = await this.#in(at, command, args);
    if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
  }

  async #must(command: string, ...args: readonly string[]): Promise<void> {
    const { code, stderr } = await onMachine(command, args);
    if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
  }
}

/** The next thing a child prints. */
function nextOutput(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout?.once("data", (chunk) => resolve(String(chunk).trim()));
    child.once("exit", () => reject(new Error("the program in the namespace ended")));
  });
}
