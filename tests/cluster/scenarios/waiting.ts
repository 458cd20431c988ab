/** Pods that must not start without their credentials: `wait` in an init container (docs/wait.md). */
import assert from "node:assert/strict";
import process from "node:process";
import { until } from "../../system/until.ts";
import type { Site } from "../site.ts";
import { makeNamespace, podObject, roleArn } from "../workloads.ts";
import type { ClusterScenario } from "./mod.ts";

const namespace = "waiting";
const podCount = Number(process.env["TEST_WAIT_PODS"] ?? 20);
const hangMs = 30_000;
/** For the kubelet to start that many pods on one node. */
const startMs = 180_000 + podCount * 3_000;

export const waiting: readonly ClusterScenario[] = [
  {
    name: `${podCount} pods with an init container that waits, while STS hangs: none starts early`,
    ownNodes: true,
    within: 60_000 + 3 * startMs,
    run: async (site) => {
      const { kubectl, own } = site;
      await makeNamespace(kubectl, namespace, roleArn(".*"));
      await own!.withoutSts(async () => {
        await startPods(site, "hanging");
        const from = Date.now();
        await until("all init containers run", async () => {
          return (await podsOf(site, "hanging")).every(({ init }) => init?.running !== undefined);
        }, { within: startMs, every: 1000 });
        await until("the end of the outage", () => Promise.resolve(Date.now() - from >= hangMs), {
          within: hangMs + 30_000,
          every: 1000,
        });
        const early = (await podsOf(site, "hanging")).filter(({ init }) => !init?.running);
        assert.deepEqual(early, []);
      });
      await untilEnded(site, "hanging");
      await startPods(site, "ready");
      console.log(`     ${summary(await untilEnded(site, "ready"))}`);
      await kubectl.remove("namespace", namespace, "--wait=false");
    },
  },
];

interface ContainerState {
  readonly running?: object;
  readonly terminated?: {
    readonly exitCode: number;
    readonly startedAt: string;
    readonly finishedAt: string;
  };
}

interface ShownPod {
  readonly status: {
    readonly initContainerStatuses?: readonly { readonly state: ContainerState }[];
    readonly containerStatuses?: readonly { readonly state: ContainerState }[];
  };
}

/** Init container and application container of each pod. */
async function podsOf({ kubectl }: Site, kind: string) {
  const { items } = await kubectl.get("pods", "-n", namespace, "-l", `kind=${kind}`);
  return items.map(({ status }: ShownPod) => ({
    init: status.initContainerStatuses?.[0]?.state,
    application: status.containerStatuses?.[0]?.state,
  })) as { init?: ContainerState; application?: ContainerState }[];
}

/** Each application has found its credentials. */
async function untilEnded(site: Site, kind: string) {
  const pods = await until(`all ${kind} pods ended`, async () => {
    const shown = await podsOf(site, kind);
    return shown.every(({ application }) => application?.terminated) ? shown : undefined;
  }, { within: startMs, every: 1000 });
  const codes = pods.map(({ application }) => application?.terminated?.exitCode);
  assert.deepEqual(codes, pods.map(() => 0));
  return pods;
}

async function startPods({ kubectl, image, own }: Site, kind: string): Promise<void> {
  const node = own!.nodes.at(-1)!.plan.name;
  const names = Array.from({ length: podCount }, (_, i) => `${kind}-${i}`);
  await kubectl.apply(...names.map((name) => waitingPod({ name, kind, node, image })));
}

interface WaitingPod {
  readonly name: string;
  readonly kind: string;
  readonly node: string;
  readonly image: string;
}

function waitingPod({ name, kind, node, image }: WaitingPod): object {
  return podObject({
    name,
    namespace,
    labels: { kind },
    annotations: { "iam.amazonaws.com/role": "waited" },
  }, {
    nodeName: node,
    automountServiceAccountToken: false,
    initContainers: [{ name: "wait", image, args: ["wait", "--timeout=5m"] }],
    // What it would do first: request its credentials.
    containers: [{ name: "application", image, args: ["wait", "--timeout=1m"] }],
  });
}

function summary(pods: Awaited<ReturnType<typeof podsOf>>): string {
  const seconds = pods.map(({ init }) => {
    const { startedAt, finishedAt } = init!.terminated!;
    return (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000;
  }).sort((a, b) => a - b);
  return `wait added ${seconds[0]} to ${seconds.at(-1)} s with STS up, ` +
    `half of the pods at most ${seconds[seconds.length >> 1]}`;
}
