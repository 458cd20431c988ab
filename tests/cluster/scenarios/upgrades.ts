/** Replaces agents and servers while pods keep sending requests. */
import assert from "node:assert/strict";
import { unitFiles } from "../../../src/agent/boot_guard/unit.ts";
import { must } from "../../system/programs.ts";
import { until } from "../../system/until.ts";
import type { Site } from "../site.ts";
import { makeNamespace, roleArn, scriptPod } from "../workloads.ts";
import type { ClusterScenario } from "./mod.ts";

const home = "rolecall";

interface Count {
  readonly requests: number;
  readonly failed: number;
  readonly slowestMs: number;
  readonly failures: Readonly<Record<string, number>>;
}

export const upgrades: readonly ClusterScenario[] = [
  {
    name: "agents are replaced and no request fails",
    run: async (site) => {
      const counts = await during(site, async () => {
        await site.kubectl.restart(home, "daemonset/rolecall-agent");
        await site.kubectl.rolledOut(home, "daemonset/rolecall-agent");
      });
      spared(site, counts);
    },
  },
  {
    name: "an older boot guard's files are current after the agents were replaced",
    ownNodes: true,
    run: async ({ kubectl, own }) => {
      const files = unitFiles().map(({ path, text }) => ({ path: `/etc/systemd/${path}`, text }));
      for (const node of own!.nodes) {
        for (const { path } of files) await must(node.inside(["sh", "-ec", `echo old > ${path}`]));
      }
      await kubectl.restart(home, "daemonset/rolecall-agent");
      await kubectl.rolledOut(home, "daemonset/rolecall-agent");
      for (const node of own!.nodes) {
        for (const { path, text } of files) {
          assert.equal(await must(node.inside(["cat", path])), text, node.plan.name);
        }
      }
    },
  },
  {
    name: "servers are replaced and no request fails",
    run: async (site) => {
      const counts = await during(site, async () => {
        await site.kubectl.restart(home, "deployment/rolecall-server");
        await site.kubectl.rolledOut(home, "deployment/rolecall-server");
      });
      for (const { node, failed, failures } of counts) {
        assert.equal(failed, 0, `${node}: ${JSON.stringify(failures)}`);
      }
    },
  },
  {
    name: "killed agents come back, and meanwhile no pod sees the node's role",
    ownNodes: true,
    run: async ({ kubectl, own }) => {
      const pods = await kubectl.pods(home, "rolecall-agent");
      const names = pods.map((pod) => pod.metadata.name);
      await kubectl.remove("pod", "-n", home, "--grace-period=0", "--force", ...names);
      await kubectl.rolledOut(home, "daemonset/rolecall-agent");
      assert.deepEqual(own!.metadata.leaks(), []);
    },
  },
];

/**
 * No request failed while agents may have been replaced. Without tcp_migrate_req the kernel resets
 * what it has completed for a listener that closes before it could accept: one connection of each loop.
 */
export function spared(site: Site, counts: readonly NodeCount[]): void {
  for (const { node, failed, failures } of counts) {
    const text = `${node}: ${JSON.stringify(failures)}`;
    assert.ok(failed <= (migrates(site, node) ? 0 : 2), text);
    assert.doesNotMatch(text, /: [45]\d\d|no answer/);
  }
}

function migrates({ own }: Site, node: string): boolean {
  return own?.nodes.some(({ plan }) => plan.name === node && plan.migratesConnections) ?? false;
}

interface NodeCount {
  readonly node: string;
  readonly failed: number;
  readonly failures: Failures;
}

/** Each failure and its count. */
type Failures = readonly (readonly [what: string, times: number])[];

/**
 * How long a kubelet may take to follow the API again: a reflector's backoff is 30 s with as much
 * jitter (`k8s.io/client-go`, `tools/cache/reflector.go`), and the node authorizer may refuse its
 * first list.
 */
export const kubeletReturnsMs = 180_000;

/** On each node, a pod sends requests before, during and after `change`; returns the outcome per node. */
export async function during(site: Site, change: () => Promise<void>): Promise<NodeCount[]> {
  const { kubectl } = site;
  await makeNamespace(kubectl, "shop", roleArn("reader"));
  const { items } = await kubectl.get("nodes");
  const nodes: string[] = items.map((one: { metadata: { name: string } }) => one.metadata.name);
  const names = nodes.map((_, at) => `requester-${at}`);
  await kubectl.apply(...nodes.map((node, at) => {
    const options = { name: `requester-${at}`, namespace: "shop", role: "reader", node };
    return scriptPod(site, options, ["/scripts/request_loop.js"]);
  }));
  const before = await Promise.all(names.map((name) => sending(site, name)));
  await change();
  const changed = await Promise.all(names.map((name) => counted(site, name)));
  const after = await until("requests after the change", async () => {
    const counts = await Promise.all(names.map((name) => counted(site, name)));
    return counts.every(({ requests }, at) => requests >= changed[at]!.requests + 20)
      ? counts
      : null;
  }, { every: 300 });
  const pods = ["pod", "-n", "shop", "--grace-period=1", ...names];
  await kubectl.do(["delete", ...pods], undefined, kubeletReturnsMs);
  return nodes.map((node, at) => difference(node, before[at]!, after[at]!));
}

function difference(node: string, before: Count, after: Count): NodeCount {
  const requests = after.requests - before.requests;
  const failed = after.failed - before.failed;
  console.log(`      ${node}: ${requests} requests, ${failed} failed`);
  assert.ok(requests > 50, `${node}: only ${requests} requests during the change`);
  const failures = Object.entries(after.failures)
    .map(([what, times]) => [what, times - (before.failures[what] ?? 0)] as const)
    .filter(([, times]) => times > 0);
  return { node, failed, failures };
}

/** Its first requests may have come before the API server knew its address: they don't count. */
async function sending(site: Site, name: string): Promise<Count> {
  return await until(`${name} sending`, async () => {
    const count = await counted(site, name);
    return count.requests > 20 ? count : undefined;
  }, { within: 120_000, every: 300 });
}

async function counted({ kubectl }: Site, name: string): Promise<Count> {
  return JSON.parse((await kubectl.logs("shop", name, "--tail=1")).trim());
}
