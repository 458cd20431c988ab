/**
 * The part of the cluster test that runs in its own namespaces: control plane, moto, the nodes'
 * metadata service and two nodes; then the scenarios. An argument selects them by a part of their
 * name. Prints `N passed, N failed`.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { startInstanceMetadata } from "../system/instance_metadata.ts";
import { KubeApi } from "../system/kube_api.ts";
import { makeFabric } from "../system/network.ts";
import { must } from "../system/programs.ts";
import { startSts, stsUrl } from "../system/sts.ts";
import { until } from "../system/until.ts";
import { installClusterDns } from "./cluster_dns.ts";
import { ClusterNode, kubeconfigText, type NodePlan } from "./cluster_node.ts";
import { startWholeControlPlane, type WholeControlPlane } from "./control.ts";
import { clientsImage, rolecallImage } from "./images.ts";
import { keep, keepUp } from "./keep.ts";
import { Kubectl } from "./kubectl.ts";
import { play } from "./play.ts";
import { ownOverlays } from "./own_overlays.ts";
import type { OwnNodes, Site } from "./site.ts";

interface Given {
  readonly kube: string;
  readonly python: string;
  readonly images: readonly string[];
  readonly customResources: readonly string[];
  readonly logs: string;
}

const state = "/run/rolecall-cluster";
const plans: readonly NodePlan[] = [1, 2].map((number) => ({
  name: `node-${number}`,
  address: `10.231.0.${10 + number}`,
  podCidr: `10.244.${number}.0/24`,
  migratesConnections: number === 1,
}));

const closing: (() => Promise<void>)[] = [];

/** What was started is ended in the opposite order. */
async function close(): Promise<void> {
  for (const end of closing.splice(0).reverse()) await end().catch(console.error);
}

async function open(given: Given): Promise<Site> {
  const { kube, python, images, customResources, logs } = given;
  closing.push(async () => void await must(["rm", "-rf", join(logs, "data")]));
  await must(["mount", "-t", "tmpfs", "tmpfs", "/run"]);
  mkdirSync(state, { recursive: true });
  await makeFabric();
  await must(["sysctl", "-qw", "net.ipv4.ip_forward=1"]);
  const metadata = await startInstanceMetadata();
  closing.push(() => metadata.stop());
  for (const { address } of plans) metadata.allowNode(address);
  const [control, sts] = await Promise.all([
    startWholeControlPlane(kube, join(state, "control"), logs),
    startSts(python, logs),
  ]);
  closing.push(() => control.stop(), async () => void await sts.stop(2000));
  const nodes = await Promise.all(
    plans.map((plan) => startNode(plan, { kube, images, logs, control })),
  );
  for (const node of nodes) closing.push(() => node.stop());
  const kubectl = new Kubectl(control.kubeconfig);
  await untilUsable(kubectl);
  await installClusterDns(kubectl);
  const own: OwnNodes = {
    nodes,
    metadata,
    customResources,
    withoutApi: async (ms) => {
      await control.pauseApi();
      await new Promise((resolve) => setTimeout(resolve, ms));
      await control.resumeApi();
    },
    withoutSts: async (meanwhile) => {
      process.kill(sts.pid, "SIGSTOP");
      try {
        await meanwhile();
      } finally {
        process.kill(sts.pid, "SIGCONT");
      }
    },
    thief: async (node) => {
      const { origin, keys } = control.api;
      return new KubeApi(origin, keys, await keys.kubelet(node.plan.name));
    },
  };
  const { overlay, uninstall } = ownOverlays(state);
  return { kubectl, overlay, uninstall, image: rolecallImage, sdkImage: clientsImage, stsUrl, own };
}

interface Nodewide extends Pick<Given, "kube" | "images" | "logs"> {
  readonly control: WholeControlPlane;
}

async function startNode(plan: NodePlan, given: Nodewide): Promise<ClusterNode> {
  const { origin, keys } = given.control.api;
  return await ClusterNode.start({
    plan,
    others: plans.filter((other) => other !== plan),
    kube: given.kube,
    images: given.images,
    kubeconfigs: {
      kubelet: kubeconfigText(origin, keys.ca, await keys.kubelet(plan.name)),
      proxy: kubeconfigText(origin, keys.ca, keys.admin),
      ca: keys.ca,
    },
    // On disk: unpacked images are too much for memory.
    folder: join(given.logs, "data"),
    logs: given.logs,
  });
}

/** Nodes Ready and free of taints, and the ServiceAccount that every pod needs. */
async function untilUsable(kubectl: Kubectl): Promise<void> {
  await until("both nodes ready", async () => {
    const { items } = await kubectl.get("nodes");
    return items.length === plans.length &&
      items.every((node: { spec: { taints?: unknown[] } }) => node.spec.taints === undefined);
  }, { within: 240_000, every: 500 });
  await until("ServiceAccount default", () => kubectl.get("serviceaccount", "default"));
  const label = "node-role.kubernetes.io/control-plane=";
  await kubectl.do(["label", "nodes", "--all", label]);
}

async function main(): Promise<number> {
  const given = JSON.parse(process.argv[2] ?? "{}") as Given;
  const start = performance.now();
  try {
    const site = await open(given);
    console.log(`two nodes up after ${((performance.now() - start) / 1000).toFixed(1)} s`);
    if (process.argv[3] === keep) return await keepUp(site, site.kubectl.kubeconfig);
    return await play(site, process.argv[3]);
  } finally {
    await close();
  }
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, async () => {
    await close();
    process.exit(130);
  });
}

try {
  process.exit(await main());
} catch (fault) {
  console.error(fault);
  process.exit(1);
}
