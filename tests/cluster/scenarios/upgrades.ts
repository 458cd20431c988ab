/** Agents and servers are replaced while a pod asks all the while. */
import assert from "node:assert/strict";
import { pause, until } from "../../system/until.ts";
import type { Site } from "../site.ts";
import { makeNamespace, roleArn, scriptPod } from "../workloads.ts";
import type { ClusterScenario } from "./mod.ts";

const home = "rolecall";

interface Count {
  readonly asked: number;
  readonly failed: number;
  readonly slowestMs: number;
  readonly failures: Readonly<Record<string, number>>;
}

export const upgrades: readonly ClusterScenario[] = [
  {
    name: "agents are replaced and no request fails",
    within: 240_000,
    run: (site) =>
      unnoticed(site, async () => {
        await site.kubectl.restart(home, "daemonset/rolecall-agent");
        await site.kubectl.rolledOut(home, "daemonset/rolecall-agent");
      }),
  },
  {
    name: "servers are replaced and no request fails",
    within: 240_000,
    run: (site) =>
      unnoticed(site, async () => {
        await site.kubectl.restart(home, "deployment/rolecall-server");
        await site.kubectl.rolledOut(home, "deployment/rolecall-server");
      }),
  },
  {
    name: "agents killed outright come back, and meanwhile no pod sees the node's role",
    ownNodes: true,
    within: 120_000,
    run: async ({ kubectl, own }) => {
      const pods = await kubectl.pods(home, "rolecall-agent");
      const names = pods.map((pod) => pod.metadata.name);
      await kubectl.do(["delete", "pod", "-n", home, "--grace-period=0", "--force", ...names]);
      await kubectl.rolledOut(home, "daemonset/rolecall-agent");
      assert.deepEqual(own!.metadata.leaks(), []);
    },
  },
];

/** On each node a pod asks before, during and after `change`; not one request may fail. */
async function unnoticed(site: Site, change: () => Promise<void>): Promise<void> {
  const { kubectl } = site;
  await makeNamespace(kubectl, "shop", roleArn("reader"));
  const nodes = (await kubectl.get("nodes")).items.map((one: { metadata: { name: string } }) =>
    one.metadata.name
  );
  const names = nodes.map((_: string, at: number) => `asker-${at}`);
  const pods = nodes.map((node: string, at: number) =>
    scriptPod(site, { name: names[at], namespace: "shop", role: "reader", node }, [
      "/scripts/ask.js",
    ])
  );
  await kubectl.apply(...pods);
  const before = await Promise.all(names.map((name: string) => asking(site, name)));
  await change();
  await pause(2000);
  const after = await Promise.all(names.map((name: string) => counted(site, name)));
  await kubectl.do(["delete", "pod", "-n", "shop", "--grace-period=1", ...names]);
  for (const [at, { asked, failed, ...rest }] of after.entries()) {
    const first = before[at]!;
    const during = { asked: asked - first.asked, failed: failed - first.failed };
    console.log(`      ${nodes[at]}: ${during.asked} asked, ${during.failed} failed`);
    assert.equal(during.failed, 0, `${nodes[at]}: ${JSON.stringify(rest)}`);
    assert.ok(during.asked > 50, `${nodes[at]}: only ${during.asked} requests during the change`);
  }
}

/** Its first requests may have come before the API server knew its address: they don't count. */
async function asking(site: Site, name: string): Promise<Count> {
  return await until(`${name} asking`, async () => {
    const count = await counted(site, name);
    return count.asked > 20 ? count : undefined;
  }, { within: 60_000, every: 300 });
}

async function counted({ kubectl }: Site, name: string): Promise<Count> {
  return JSON.parse((await kubectl.logs("shop", name, "--tail=1")).trim());
}
