/** More than one server, and a server whose own credentials come from the node it runs on. */
import assert from "node:assert/strict";
import type { Scenario } from "../report.ts";
import { page, startServer, untilReady } from "../rolecall.ts";
import { serverKubeconfig, serverOrigin, type Stage } from "../stage.ts";
import { until } from "../until.ts";

const role = "iam.amazonaws.com/role";
const path = "/latest/meta-data/iam/security-credentials/reader";

export const replicas: readonly Scenario<Stage>[] = [
  {
    name: "one of two servers is killed under load: agents switch to the other, no request fails",
    run: async (stage) => {
      await stage.namespace("replicas", ".*");
      await stage.withSecondServer("server-other", async () => {
        const annotations = { [role]: "reader" };
        const pod = await stage.pod({ namespace: "replicas", name: "web", annotations });
        await until("credentials", async () => (await pod.credentials("reader")).status === 200);
        const end = pod.loop(path);
        await stage.server.stop(0, "SIGKILL");
        const next = await stage.pod({ namespace: "replicas", name: "next", annotations });
        const served = async () => (await next.credentials("reader")).status === 200;
        await until("a new pod served by the other", served);
        const failures = Object.keys(await end()).filter((answer) => !answer.startsWith("200 "));
        assert.deepEqual(failures, []);
        await stage.restartServer();
        await untilReady(stage.server, serverOrigin);
      });
    },
  },
  {
    name: "a server on the host network gets its credentials from the node's metadata service",
    run: async (stage) => {
      const { node } = stage.second;
      const revert = stage.metadata.allowNode(node.address);
      const server = startServer(stage.runtime, stage.folders, {
        name: "server-on-node",
        node,
        kubeconfig: serverKubeconfig(stage.folders),
        env: {},
      });
      try {
        await untilReady(server, `http://${node.address}:9621`);
        const metrics = await page(`http://${node.address}:9621/metrics`);
        assert.equal(metrics.status, 200);
      } finally {
        await server.stop();
        revert();
      }
    },
  },
];
