/**
 * A real node in its own namespaces: containerd, kubelet and kube-proxy under one init process,
 * with which all of them end. The control plane runs elsewhere.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { must, plainEnv, run, Running } from "../system/programs.ts";
import { fabricAddress } from "../system/network.ts";
import type { Certified } from "../system/pki.ts";
import { Hopeless, until } from "../system/until.ts";

const clusterCidr = "10.244.0.0/16";
export const dnsAddress = "10.96.0.10";
const script = fileURLToPath(new URL("node.sh", import.meta.url));

export interface NodePlan {
  readonly name: string;
  /** Its address on the fabric. */
  readonly address: string;
  readonly podCidr: string;
  /** With `net.ipv4.tcp_migrate_req`, as docs/deploying.md recommends. */
  readonly migratesConnections: boolean;
}

interface NodeOptions {
  readonly plan: NodePlan;
  readonly others: readonly NodePlan[];
  /** The multi-call Kubernetes program. */
  readonly kube: string;
  /** Docker archives that its containerd has from the start. */
  readonly images: readonly string[];
  readonly kubeconfigs: { readonly kubelet: string; readonly proxy: string; readonly ca: string };
  readonly folder: string;
  readonly logs: string;
}

interface Boot {
  readonly running: Running;
  /** The process ID of the node's first process. */
  readonly first: number;
  readonly cgroups: readonly string[];
}

export class ClusterNode {
  readonly #options: NodeOptions;
  #boot: Boot;

  private constructor(options: NodeOptions, boot: Boot) {
    this.#options = options;
    this.#boot = boot;
  }

  static async start(options: NodeOptions): Promise<ClusterNode> {
    return new ClusterNode(options, await boot(options));
  }

  get plan(): NodePlan {
    return this.#options.plan;
  }

  /** The command's words, run in every namespace of the node. */
  inside(command: readonly string[]): string[] {
    const spaces = ["-m", "-n", "-p", "-u", "-i", "-C"];
    return ["nsenter", "-t", String(this.#boot.first), ...spaces, ...command];
  }

  async stop(): Promise<void> {
    process.kill(this.#boot.first, "SIGKILL");
    await this.#boot.running.exited;
    for (const group of this.#boot.cgroups) await removeCgroup(group);
  }

  /** Cuts its power and boots it again, with the disk as it was; some image archives may be gone. */
  async reboot(hasImage: (archive: string) => boolean = () => true): Promise<void> {
    await this.stop();
    const { plan, folder, images } = this.#options;
    await run(["ip", "link", "del", plan.name]);
    rmSync(join(folder, plan.name, "started"));
    this.#boot = await boot({ ...this.#options, images: images.filter(hasImage) });
  }
}

async function boot(options: NodeOptions): Promise<Boot> {
  const { plan } = options;
  const { data, logs } = writeFiles(options);
  const groups = makeCgroups(`rolecall-${crypto.randomUUID().slice(0, 8)}-${plan.name}`);
  const running = new Running(
    plan.name,
    enter(groups.map(({ path }) => path)),
    join(logs, "node.log"),
    {
      env: {
        ...plainEnv(),
        ...environment(options, data, logs),
        CGROUPS: groups.map(({ controllers }) => controllers).join(" "),
      },
    },
  );
  const first = await firstProcess(running);
  await connect(plan, first);
  await until(`${plan.name} started`, () => {
    if (!running.alive) throw new Hopeless(running.log().slice(-2000));
    return existsSync(join(data, "started"));
  }, { within: 300_000, every: 100 });
  return { running, first, cgroups: groups.map(({ path }) => path) };
}

function writeFiles({ plan, folder, logs: allLogs, kubeconfigs }: NodeOptions) {
  const data = join(folder, plan.name);
  const logs = join(allLogs, plan.name);
  mkdirSync(data, { recursive: true });
  mkdirSync(logs, { recursive: true });
  const files = {
    "kubelet.kubeconfig": kubeconfigs.kubelet,
    "proxy.kubeconfig": kubeconfigs.proxy,
    "ca.crt": kubeconfigs.ca,
  };
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(data, name), text, { mode: 0o600 });
  }
  return { data, logs };
}

function environment({ plan, others, kube, images }: NodeOptions, data: string, logs: string) {
  return {
    NODE: plan.name,
    NODE_IP: plan.address,
    POD_CIDR: plan.podCidr,
    ROUTES: others.map(({ podCidr, address }) => `${podCidr}=${address}`).join(" "),
    CLUSTER_CIDR: clusterCidr,
    GATEWAY: fabricAddress,
    DNS: dnsAddress,
    NODE_LABELS: "rolecall.test/node=true",
    KUBE: kube,
    KEYS: data,
    DATA: data,
    LOGS: logs,
    IMAGES: images.join(" "),
    MIGRATE: plan.migratesConnections ? "1" : "",
  };
}

interface Cgroup {
  /** As mounted, such as `cpu,cpuacct` or `name=systemd`. */
  readonly controllers: string;
  readonly path: string;
}

/** A group below this process's own in each hierarchy (cgroup v1). */
function makeCgroups(name: string): Cgroup[] {
  const groups: Cgroup[] = [];
  for (const line of readFileSync("/proc/self/cgroup", "utf8").trim().split("\n")) {
    const [, controllers = "", own = "/"] = line.split(":");
    const mounted = join("/sys/fs/cgroup", controllers.replace(/^name=/, ""));
    if (controllers === "" || !existsSync(mounted)) continue;
    const parent = join(mounted, own);
    const path = join(parent, name);
    mkdirSync(path);
    if (controllers === "cpuset") inheritCpus(parent, path);
    groups.push({ controllers, path });
  }
  return groups;
}

/** A new cpuset group has no processors and no memory until they are set. */
function inheritCpus(parent: string, path: string): void {
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    writeFileSync(join(path, file), readFileSync(join(parent, file), "utf8"));
  }
}

async function removeCgroup(path: string): Promise<void> {
  const found = await run(["find", path, "-depth", "-type", "d"]);
  for (const folder of found.stdout.trim().split("\n")) {
    await until(`cgroup ${folder} empty`, () => {
      if (existsSync(folder)) rmdirSync(folder);
      return true;
    }, { within: 5000 }).catch(() => {});
  }
}

/** Enters the groups, then the namespaces, in which node.sh is the first process. */
function enter(cgroups: readonly string[]): string[] {
  const moves = cgroups.map((path) => `echo $$ > ${path}/cgroup.procs`).join("; ");
  const spaces = "--mount --net --pid --uts --ipc --cgroup --fork --kill-child --mount-proc";
  const command = `${moves}; exec unshare ${spaces} --propagation private bash ${script}`;
  return ["bash", "-c", command];
}

async function firstProcess({ pid, name }: Running): Promise<number> {
  const child = await until(`${name}'s first process`, () => {
    const list = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return list === "" ? undefined : Number(list.split(" ")[0]);
  }, { every: 20 });
  return child;
}

/** The fabric's end and the node's end of a cable; pods' answers find their way back. */
async function connect({ name, address, podCidr }: NodePlan, first: number): Promise<void> {
  await until(`${name}'s network`, async () => {
    const link = ["link", "add", name, "type", "veth", "peer", "name", "eth0", "netns"];
    return (await run(["ip", ...link, String(first)])).code === 0;
  });
  await must(["ip", "link", "set", name, "master", "fabric0", "up"]);
  await must(["ip", "route", "replace", podCidr, "via", address]);
}

/** A kubeconfig in JSON, which is YAML too. */
export function kubeconfigText(origin: string, ca: string, { cert, key }: Certified): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{
      name: "test",
      cluster: { server: origin, "certificate-authority-data": btoa(ca) },
    }],
    users: [{
      name: "user",
      user: { "client-certificate-data": btoa(cert), "client-key-data": btoa(key) },
    }],
    contexts: [{ name: "test", context: { cluster: "test", user: "user" } }],
    "current-context": "test",
  });
}
