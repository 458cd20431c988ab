/** Packets that are dropped: connections stay open on both sides, and nothing comes through. */
import assert from "node:assert/strict";
import { fabricAddress } from "../network.ts";
import { must } from "../programs.ts";
import type { Scenario } from "../report.ts";
import { page, untilReady } from "../rolecall.ts";
import { agentOrigin, serverOrigin, type Stage } from "../stage.ts";
import { until } from "../until.ts";
import { servedPod, untilWatching, watchAgeSeconds } from "./served.ts";

const role = "iam.amazonaws.com/role";

/** Drops, for as long as `meanwhile` takes, what goes to and comes from a port of the fabric. */
async function dropped(port: number, meanwhile: () => Promise<void>, peer = "0.0.0.0/0") {
  const rules = `table inet dropped {
    chain input {
      type filter hook input priority -300;
      ip saddr ${peer} ip daddr ${fabricAddress} tcp dport ${port} drop
    }
    chain output {
      type filter hook output priority -300;
      ip saddr ${fabricAddress} ip daddr ${peer} tcp sport ${port} drop
    }
  }`;
  await must(["nft", "-f", "-"], { stdin: rules });
  try {
    await meanwhile();
  } finally {
    await must(["nft", "delete", "table", "inet", "dropped"]);
  }
}

async function untilServed(stage: Stage, name: string, wanted = "reader"): Promise<void> {
  const pod = await stage.pod({ namespace: "dropped", name, annotations: { [role]: wanted } });
  const served = async () => (await pod.credentials(wanted)).status === 200;
  await until(`${name} served`, served, { within: 120_000 });
}

export const droppedPackets: readonly Scenario<Stage>[] = [
  {
    name:
      "packets between a node and one of two servers are dropped: its agent switches to the other",
    run: async (stage) => {
      await stage.namespace("dropped", ".*");
      await stage.withSecondServer("server-reached", async () => {
        const failures = await servedPod(stage, "dropped", "steady");
        await dropped(8443, () => untilServed(stage, "meanwhile"), stage.first.node.address);
        await untilServed(stage, "afterwards");
        assert.deepEqual(await failures(), []);
      });
      await untilServed(stage, "back-again");
    },
  },
  {
    name:
      "packets between server and API server are dropped: the watch age shows it, and the server recovers",
    run: async (stage) => {
      const failures = await servedPod(stage, "dropped", "beside-api");
      await dropped(6443, async () => {
        const stale = async () => await watchAgeSeconds() > 15;
        await until("a watch older than what counts as fresh", stale);
        assert.deepEqual(await failures(), []);
      });
      await untilWatching();
      await untilReady(stage.server, serverOrigin);
      const { node } = stage.first;
      const ready = async () => (await page(`${agentOrigin(node)}/readyz`)).status === 200;
      await until(`the agent of ${node.name}`, ready);
      await untilServed(stage, "after-api");
    },
  },
  {
    name:
      "packets between server and STS are dropped: what is valid is served, the rest comes later",
    run: async (stage) => {
      const failures = await servedPod(stage, "dropped", "beside-sts");
      await dropped(5000, async () => {
        const annotations = { [role]: "unreached" };
        const next = await stage.pod({ namespace: "dropped", name: "next", annotations });
        assert.equal((await next.credentials("unreached")).status, 503);
        assert.deepEqual(await failures(), []);
      });
      await untilServed(stage, "after-sts", "unreached");
    },
  },
];
