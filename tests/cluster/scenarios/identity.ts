/**
 * Which pod is calling, on nodes of real parts: addresses that the API doesn't show or shows late, a
 * container inside a pod, and a neighbour on the same bridge that attacks.
 */
import assert from "node:assert/strict";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Talking } from "../../system/identity/pod_network.ts";
import { must } from "../../system/programs.ts";
import { until } from "../../system/until.ts";
import type { ClusterNode } from "../cluster_node.ts";
import type { Site } from "../site.ts";
import { makeNamespace, podObject, roleArn } from "../workloads.ts";
import type { ClusterScenario } from "./mod.ts";
import { during, kubeletReturnsMs } from "./upgrades.ts";

const namespace = "identity";
const metadata = "169.254.169.254";
/** What answers with the caller's own role. */
const rolesPath = "/latest/meta-data/iam/security-credentials/";
const attacks = fileURLToPath(new URL("../../system/identity", import.meta.url));
/** Longer than identity by address lasts without the API. */
const outageMs = Number(process.env["TEST_API_OUTAGE_MS"] ?? 32_000);
/** Either refusal of a connection whose pod isn't identified. */
const refused = "no pod";

export const identity: readonly ClusterScenario[] = [
  {
    name: "an address that the API doesn't show, and a container inside a pod",
    ownNodes: true,
    run: async (site) => {
      await open(site);
      const own = await Pod.start(site, "own");
      const second = own.neighbour(240);
      await own.run(`ip addr add ${second}/24 dev eth0`);
      assert.equal(await own.get(second), "own");
      const inner = own.shell(`exec sh /attacks/nested.sh ${program("get", metadata, "80")}`);
      assert.equal(await inner.next(), "own");
      await own.end();
    },
  },
  {
    name: "an address is reused while the servers are stopped: nothing for the new pod",
    ownNodes: true,
    run: async (site) => {
      await open(site);
      const first = await Pod.start(site, "first");
      assert.equal(await first.get(), "first");
      await withoutServers(site, async () => {
        assert.equal(await first.get(), "first");
        await first.end();
        await first.giveAddressNext();
        const next = await Pod.start(site, "next", null);
        assert.equal(next.address, first.address);
        assert.equal(await next.get(), refused);
        await next.end();
      });
    },
  },
  {
    name: `the API server is down for ${outageMs / 1000} s, and no pod is refused`,
    ownNodes: true,
    within: 300_000 + outageMs + kubeletReturnsMs,
    run: async (site) => {
      const counts = await during(site, () => site.own!.withoutApi(outageMs));
      for (const { node, failed, failures } of counts) {
        assert.equal(failed, 0, `${node}: ${JSON.stringify(failures)}`);
      }
    },
  },
  {
    name: "attacks by a neighbour on the bridge: the victim's role goes to the victim alone",
    ownNodes: true,
    run: async (site) => {
      await open(site);
      const victim = await Pod.start(site, "victim");
      const attacker = await Pod.start(site, "attacker");
      for (const [name, { attack, answer }] of Object.entries(attackKinds)) {
        assert.equal(await attack(attacker, victim), answer, name);
        await must(attacker.node.inside(["ip", "neigh", "flush", "dev", "cni0"]));
        assert.equal(await victim.get(), "victim", `the victim after ${name}`);
      }
      await Promise.all([victim.end(), attacker.end()]);
    },
  },
];

interface AttackKind {
  /** What was answered. */
  readonly attack: (attacker: Pod, victim: Pod) => Promise<string>;
  /** What has to be. */
  readonly answer: string;
}

const attackKinds: Readonly<Record<string, AttackKind>> = {
  "raw packets": {
    attack: (attacker, victim) => attacker.raw(victim, 50_000),
    answer: refused,
  },
  "a kernel socket with the victim's address": {
    attack: (attacker, { address }) =>
      attacker.poisoning(address, async () => {
        await attacker.run(`ip addr add ${address}/32 dev lo`);
        const answer = await attacker.get(address);
        await attacker.run(`ip addr del ${address}/32 dev lo`);
        return answer;
      }),
    answer: "attacker",
  },
  "IP_TRANSPARENT": {
    attack: (attacker, { address }) =>
      attacker.poisoning(address, async () => {
        await attacker.run(`ip route add local ${address} dev lo`);
        const answer = await attacker.get(address, "transparent");
        await attacker.run(`ip route del local ${address} dev lo`);
        return answer;
      }),
    answer: "attacker",
  },
  "rows forged in a nested namespace": {
    attack: async (attacker, victim) => {
      const { address } = victim;
      const setUp = `ip link set lo up && ip addr add ${metadata}/32 dev lo && ` +
        `ip addr add ${address}/32 dev lo && exec ${program("forge", address, "50010", "50020")}`;
      const nested = attacker.shell(`exec unshare -Urn sh -c '${setUp}'`);
      assert.equal(await nested.next(), "forged");
      const answer = await attacker.raw(victim, 50_015);
      nested.child.stdin?.end();
      return answer;
    },
    answer: refused,
  },
  "a cgroup named after the victim": {
    attack: (attacker, { uid }) => {
      const below = `pod${uid}/x`;
      const enter = `mkdir -p "$1/${below}" && echo $$ > "$1/${below}/cgroup.procs"`;
      const groups = `for group in /sys/fs/cgroup/*; do set -- $group; ${enter}; done 2> /dev/null`;
      const isThere = `grep -q ${below} /proc/self/cgroup`;
      return attacker.shell(`${groups}; ${isThere} && exec ${program("get", metadata, "80")}`)
        .next();
    },
    answer: "attacker",
  },
  "a flood": {
    attack: async (attacker, victim) => {
      const loops = [1, 2, 3].map(() => attacker.python("loop", metadata, "80", "4"));
      const beside = await victim.python("repeat", metadata, "80", "20", "0.1").next();
      const { bodies, medianMs } = JSON.parse(beside);
      const counts = await Promise.all(loops.map((one) => one.next()));
      console.log(`     beside ${counts.join(" + ")} connections of the flood: ${beside}`);
      return medianMs < 450 ? `${bodies}` : `${bodies} after ${medianMs} ms`;
    },
    answer: "victim",
  },
};

function program(...args: readonly string[]): string {
  return `env REQUEST_PATH=${rolesPath} python3 /attacks/pod.py ${args.join(" ")}`;
}

async function open({ kubectl }: Site): Promise<void> {
  await makeNamespace(kubectl, namespace, roleArn(".*"));
}

async function withoutServers({ kubectl }: Site, work: () => Promise<void>): Promise<void> {
  const scale = ["scale", "-n", "rolecall", "deployment/rolecall-server"];
  await kubectl.do([...scale, "--replicas=0"]);
  await until("no server", async () => {
    return (await kubectl.pods("rolecall", "rolecall-server")).length === 0;
  }, { within: 180_000, every: 500 });
  try {
    await work();
  } finally {
    await kubectl.do([...scale, "--replicas=2"]);
    await kubectl.rolledOut("rolecall", "deployment/rolecall-server");
  }
}

/** A privileged pod with the node's programs: its networks and cgroups are its own to change. */
class Pod {
  readonly name: string;
  readonly uid: string;
  readonly address: string;
  readonly node: ClusterNode;
  readonly #site: Site;

  private constructor(site: Site, node: ClusterNode, { metadata, status }: ShownPod) {
    this.#site = site;
    this.node = node;
    this.name = metadata.name;
    this.uid = metadata.uid;
    this.address = status.podIP;
  }

  static async start(site: Site, name: string, role: string | null = name): Promise<Pod> {
    const { kubectl, image, own } = site;
    const node = own!.nodes.at(-1)!;
    await kubectl.apply(privilegedPod({ name, role, node: node.plan.name, image }));
    await kubectl.ready(namespace, name);
    return new Pod(site, node, await kubectl.get("pod", "-n", namespace, name));
  }

  /** An address on the same bridge. */
  neighbour(last: number): string {
    return `${this.address.split(".").slice(0, 3).join(".")}.${last}`;
  }

  /** The role in the answer to a request, or that it is refused. */
  async get(...from: readonly string[]): Promise<string> {
    return short(await this.python("get", metadata, "80", ...from).next());
  }

  /** The same over raw packets with the victim's address. */
  async raw(victim: Pod, port: number): Promise<string> {
    return short(await this.python("raw", victim.address, `${port}`, this.neighbour(1)).next());
  }

  python(...args: readonly string[]): Talking {
    return this.shell(`exec ${program(...args)}`);
  }

  shell(script: string): Talking {
    const { kubeconfig } = this.#site.kubectl;
    const exec = ["exec", "-i", "-n", namespace, this.name, "--", "sh", "-c", script];
    return new Talking(["kubectl", `--kubeconfig=${kubeconfig}`, ...exec]);
  }

  async run(script: string): Promise<void> {
    const exec = ["exec", "-n", namespace, this.name, "--", "sh", "-ec", script];
    await this.#site.kubectl.do(exec);
  }

  /** The node takes this pod for the one that has the address while `work` goes on. */
  async poisoning<T>(address: string, work: () => Promise<T>): Promise<T> {
    const poisoning = this.python("poison", address, this.neighbour(1));
    assert.equal(await poisoning.next(), "poisoning");
    try {
      return await work();
    } finally {
      poisoning.child.stdin?.end();
    }
  }

  /** The node gives out its addresses in turn. */
  async giveAddressNext(): Promise<void> {
    const last = this.neighbour(Number(this.address.split(".")[3]) - 1);
    const file = "/run/cni-ipam/test/last_reserved_ip.0";
    await must(this.node.inside(["sh", "-c", `printf ${last} > ${file}`]));
  }

  /** Deleted, with its address free. */
  async end(): Promise<void> {
    const { kubectl } = this.#site;
    await kubectl.remove("pod", "-n", namespace, this.name, "--grace-period=0", "--force");
    const isFree = `test -e /run/cni-ipam/test/${this.address} || echo free`;
    await until(`${this.address} free`, async () => {
      return await must(this.node.inside(["sh", "-c", isFree])) !== "";
    }, { within: 180_000, every: 200 });
  }
}

/** A refusal without its advice. */
function short(answer: string): string {
  return /^no pod (is known|of this node has)/.test(answer) ? refused : answer;
}

interface ShownPod {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly status: { readonly podIP: string };
}

interface PodOptions {
  readonly name: string;
  readonly role: string | null;
  readonly node: string;
  readonly image: string;
}

function privilegedPod({ name, role, node, image }: PodOptions): object {
  const annotations = role === null ? {} : { "iam.amazonaws.com/role": role };
  const folders = { programs: ["/usr", "/usr"], attacks: [attacks, "/attacks"] } as const;
  return podObject({ name, namespace, annotations }, {
    nodeName: node,
    automountServiceAccountToken: false,
    containers: [{
      name: "main",
      image,
      command: ["sleep", "1000"],
      securityContext: { privileged: true, runAsUser: 0 },
      volumeMounts: Object.entries(folders).map(([folder, [, mountPath]]) => {
        return { name: folder, mountPath, readOnly: true };
      }),
    }],
    volumes: Object.entries(folders).map(([folder, [path]]) => {
      return { name: folder, hostPath: { path, type: "Directory" } };
    }),
  });
}
