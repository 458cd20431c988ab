/** Pods whose first act is to send a request, identified by the kernel and by the container runtime. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { must, plainEnv } from "../../system/programs.ts";
import { stsUrl } from "../../system/sts.ts";
import { until } from "../../system/until.ts";
import { install, writeOverlay } from "../own_overlays.ts";
import type { Site } from "../site.ts";
import { makeNamespace, podObject, roleArn } from "../workloads.ts";
import type { ClusterScenario } from "./mod.ts";

const namespace = "race";
/** The nodes have a /run of their own. */
const folder = join(tmpdir(), "rolecall-start-race");
const source = fileURLToPath(new URL("../start_race", import.meta.url));
/** All on one node, so many of them at once. */
const podCount = Number(process.env["TEST_RACE_PODS"] ?? 40);
const atOnce = 10;

interface Result {
  readonly ms: number;
  readonly error?: string;
}

export const startRace: readonly ClusterScenario[] = [
  {
    name: "pods that start with a request are all identified by the kernel",
    ownNodes: true,
    within: 240_000 + podCount * 10_000,
    run: async (site) => {
      await buildRequester();
      await makeNamespace(site.kubectl, namespace, roleArn(".*"));
      const results = await race(site, "kernel");
      assert.deepEqual(results.filter(({ error }) => error !== undefined), []);
    },
  },
  {
    name: "pods that start with a request are all identified by the container runtime",
    ownNodes: true,
    within: 600_000 + podCount * 10_000,
    run: async (site) => {
      const { kubectl, image, overlay } = site;
      const withRuntime = writeOverlay(join(folder, "overlay"), {
        resource: "overlays/kubeadm",
        image,
        server: { ROLECALL_STS_ENDPOINT: stsUrl, ROLECALL_REGION: "eu-west-1" },
        agent: { ROLECALL_IDENTITY: "runtime" },
        components: ["components/cri"],
      });
      await install(site, withRuntime);
      try {
        const results = await race(site, "cri");
        assert.deepEqual(results.filter(({ error }) => error !== undefined), []);
      } finally {
        await kubectl.remove("namespace", namespace, "--wait=false");
        await install(site, overlay);
      }
    },
  },
];

/** Builds the program that pods run, where the nodes see it. */
export async function buildRequester(): Promise<string> {
  mkdirSync(folder, { recursive: true });
  await must(["go", "build", "-o", join(folder, "ask"), "."], {
    cwd: source,
    env: plainEnv({ CGO_ENABLED: "0", GOTOOLCHAIN: "local", GOFLAGS: "-trimpath" }),
    timeoutMs: 300_000,
  });
  return folder;
}

/** What each pod got. */
async function race(site: Site, kind: string): Promise<Result[]> {
  const results: Result[] = [];
  while (results.length < podCount) {
    results.push(...await wave(site, `${kind}-${results.length}`));
  }
  console.log(summary(kind, results));
  return results;
}

async function wave({ kubectl, own, image }: Site, kind: string): Promise<Result[]> {
  const node = own!.nodes.at(-1)!.plan.name;
  const names = Array.from({ length: atOnce }, (_, i) => `${kind}-${i}`);
  await kubectl.apply(...names.map((name) => requestingPod(name, node, image, kind)));
  const ended = await until(`${atOnce} pods ended`, async () => {
    const { items } = await kubectl.get("pods", "-n", namespace, "-l", `race=${kind}`);
    const states = items.map((pod: Ended) => pod.status.containerStatuses?.[0]?.state?.terminated);
    return states.every((state: unknown) => state !== undefined) && states;
  }, { within: 240_000, every: 1000 });
  return ended.map(({ message = "{}" }: { message?: string }) => JSON.parse(message));
}

interface Ended {
  readonly status: {
    readonly containerStatuses?: { readonly state?: { readonly terminated?: unknown } }[];
  };
}

function requestingPod(name: string, node: string, image: string, kind: string): object {
  return podObject({
    name,
    namespace,
    labels: { race: kind },
    annotations: { "iam.amazonaws.com/role": "reader" },
  }, {
    nodeName: node,
    automountServiceAccountToken: false,
    containers: [{
      name: "ask",
      image,
      command: ["/race/ask"],
      volumeMounts: [{ name: "race", mountPath: "/race", readOnly: true }],
    }],
    volumes: [{ name: "race", hostPath: { path: folder, type: "Directory" } }],
  });
}

function summary(kind: string, results: readonly Result[]): string {
  const times = results.filter(({ error }) => error === undefined).map(({ ms }) => ms);
  const sorted = times.sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? "none";
  const why = [...new Set(results.map(({ error }) => error?.slice(0, 120)))].filter(Boolean);
  return `     ${kind}: ${sorted.length} of ${results.length} had credentials, in ` +
    `${at(0)} to ${at(1)} ms, half of them in ${at(0.5)}${why.length ? `; others: ${why}` : ""}`;
}
