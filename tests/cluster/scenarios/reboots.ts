/**
 * A node that loses power under pods that send requests in a tight loop: from its boot on, none of
 * them reaches the real metadata service, with the agent's image there or gone.
 */
import assert from "node:assert/strict";
import process from "node:process";
import { must } from "../../system/programs.ts";
import { until } from "../../system/until.ts";
import type { ClusterNode } from "../cluster_node.ts";
import { rolecallImage } from "../images.ts";
import type { Site } from "../site.ts";
import { makeNamespace } from "../workloads.ts";
import type { ClusterScenario } from "./mod.ts";
import { buildRequester } from "./start_race.ts";

const namespace = "reboots";
const podCount = 24;
const reboots = Number(process.env["TEST_REBOOTS"] ?? 2);
const probe = /reboot-probe/;

export const rebootScenarios: readonly ClusterScenario[] = [
  {
    name:
      `${reboots} reboots under ${podCount} pods in a tight loop: none reaches the real service`,
    ownNodes: true,
    within: 300_000 + reboots * 300_000,
    run: async (site) => {
      const { kubectl, own } = site;
      const node = own!.nodes.at(-1)!;
      const folder = await buildRequester();
      await makeNamespace(kubectl, namespace);
      const names = Array.from({ length: podCount }, (_, i) => `loop-${i}`);
      await kubectl.apply(...names.map((name) => loopingPod(name, node, site.sdkImage, folder)));
      await untilRunning(site, 0);
      for (let count = 1; count <= reboots; count++) {
        await node.reboot();
        await untilRunning(site, count);
        await agentReady(site, node);
        assert.deepEqual(leaks(site), []);
      }
    },
  },
  {
    name: "a reboot with the agent's image gone: the node stays closed",
    ownNodes: true,
    run: async (site) => {
      const node = site.own!.nodes.at(-1)!;
      await must(node.inside(["ctr", "-n", "k8s.io", "images", "rm", rolecallImage]));
      try {
        await node.reboot((archive) => !archive.includes("image-rolecall"));
        await untilRunning(site, reboots + 1);
        assert.deepEqual(leaks(site), []);
      } finally {
        await node.reboot();
        await agentReady(site, node);
        await site.kubectl.remove("namespace", namespace, "--wait=false");
      }
    },
  },
];

/** What pods' requests reached, other than an agent. */
function leaks({ own }: Site): string[] {
  return own!.metadata.requested.filter(({ target }) => probe.test(target)).map(({ peer }) => peer);
}

interface Started {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly nodeName: string };
  readonly status: {
    readonly containerStatuses?: readonly {
      readonly ready: boolean;
      readonly restartCount: number;
    }[];
  };
}

/** Every pod runs, having been started again `times` times at least. */
async function untilRunning({ kubectl }: Site, times: number): Promise<void> {
  await until(`${podCount} pods running after ${times} reboots`, async () => {
    const { items } = await kubectl.get("pods", "-n", namespace);
    return items.length === podCount && items.every((pod: Started) => {
      const [status] = pod.status.containerStatuses ?? [];
      return status?.ready === true && status.restartCount >= times;
    });
  }, { within: 300_000, every: 1000 });
}

async function agentReady({ kubectl }: Site, node: ClusterNode): Promise<void> {
  await until("the node's agent is ready", async () => {
    const { items } = await kubectl.get(
      "pods",
      "-n",
      "rolecall",
      "-l",
      "app.kubernetes.io/name=rolecall-agent",
    );
    return items.some((pod: Started) =>
      pod.spec.nodeName === node.plan.name && pod.status.containerStatuses?.[0]?.ready === true
    );
  }, { within: 240_000, every: 1000 });
}

function loopingPod(name: string, node: ClusterNode, image: string, folder: string): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace },
    spec: {
      nodeName: node.plan.name,
      restartPolicy: "Always",
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      containers: [{
        name: "loop",
        image,
        command: ["/race/ask", "loop"],
        resources: { limits: { cpu: "20m" } },
        volumeMounts: [{ name: "race", mountPath: "/race", readOnly: true }],
      }],
      volumes: [{ name: "race", hostPath: { path: folder, type: "Directory" } }],
    },
  };
}
