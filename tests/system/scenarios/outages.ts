/** Servers and the API server go and come back; pods that are served already don't notice. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { instanceId } from "../instance_metadata.ts";
import type { Tally } from "../pod.ts";
import type { Scenario } from "../report.ts";
import {
  agentToken,
  copyPublishedCa,
  page,
  replaceFile,
  startAgent,
  startServer,
  untilReady,
  writeServerKubeconfig,
} from "../rolecall.ts";
import { agentOrigin, serverKubeconfig, serverOrigin, type Stage } from "../stage.ts";
import { until } from "../until.ts";
import { untilWatching } from "./served.ts";

const role = "iam.amazonaws.com/role";
const readerPath = "/latest/meta-data/iam/security-credentials/reader";

/** Everything a loop got was an answer with credentials. */
function onlySuccess(tally: Tally): number {
  const bad = Object.keys(tally).filter((answer) =>
    !/^200 \{\s*"Code"\s*:\s*"Success"/.test(answer)
  );
  assert.deepEqual(bad, []);
  const requests = Object.values(tally).reduce((sum, times) => sum + times, 0);
  assert.ok(requests > 50, `only ${requests} requests were made`);
  return requests;
}

export const outages: readonly Scenario<Stage>[] = [
  {
    name: "the server is restarted under load: no request of a served pod fails",
    run: async (stage) => {
      await stage.namespace("load", ".*");
      const annotations = { [role]: "reader" };
      const pod = await stage.pod({ namespace: "load", name: "web", annotations });
      await until("credentials", async () => (await pod.credentials("reader")).status === 200);
      const end = pod.loop(readerPath);
      assert.equal(await stage.restartServer(), 0, "it ends with 0 at SIGTERM");
      await untilReady(stage.server, serverOrigin);
      for (const { node } of [stage.first, stage.second]) {
        const ready = async () => (await page(`${agentOrigin(node)}/readyz`)).status === 200;
        await until(`the agent of ${node.name}`, ready);
      }
      const next = await stage.pod({ namespace: "load", name: "next", annotations });
      const served = async () => (await next.credentials("reader")).status === 200;
      await until("a new pod served", served);
      onlySuccess(await end());
    },
  },
  {
    name: "the server is killed: known pods are still answered, unknown ones get 503",
    run: async (stage) => {
      const annotations = { [role]: "reader" };
      const pod = await stage.pod({ namespace: "load", name: "kept", annotations });
      await until("credentials", async () => (await pod.credentials("reader")).status === 200);
      await stage.server.stop(0, "SIGKILL");
      const end = pod.loop(readerPath);
      const late = await stage.pod({ namespace: "load", name: "late", annotations });
      const answer = await late.credentials("reader");
      assert.equal(answer.status, 503, answer.body);
      assert.ok(answer.headers["retry-after"], "says when to come again");
      onlySuccess(await end());
      await stage.restartServer();
      await untilReady(stage.server, serverOrigin);
      const served = async () => (await late.credentials("reader")).status === 200;
      await until("the late pod served", served);
    },
  },
  {
    name: "the API server is down: served pods are still served, and a new server waits",
    run: async (stage) => {
      const annotations = { [role]: "reader" };
      const pod = await stage.pod({ namespace: "load", name: "steady", annotations });
      await until("credentials", async () => (await pod.credentials("reader")).status === 200);
      const end = pod.loop(readerPath);
      await stage.control.pauseApi();
      const waiting = startServer(stage.runtime, stage.folders, {
        name: "server-waiting",
        node: stage.second.node,
        kubeconfig: serverKubeconfig(stage.folders),
      });
      try {
        const origin = `http://${stage.second.node.address}:9621`;
        await until("not ready, naming the API server", async () => {
          const { status, text } = await page(`${origin}/readyz`);
          return status === 503 && /api|kubernetes/i.test(text);
        });
        assert.ok(waiting.alive, "it waits");
        onlySuccess(await end());
        await stage.control.resumeApi();
        await untilReady(waiting, origin);
      } finally {
        await stage.control.resumeApi();
        assert.equal(await waiting.stop(), 0);
      }
      await untilWatching();
    },
  },
  {
    name:
      "an agent without CA and token files waits, names both in its readiness, then becomes ready",
    run: async (stage) => {
      const { node, pod } = stage.second;
      await stage.second.running.stop();
      const state = join(stage.folders.state, "missing");
      const files = { ca: join(state, "ca.crt"), token: join(state, "token") };
      const flags = [`--server-ca=${files.ca}`, `--token-file=${files.token}`];
      const options = { node, name: "agent-waiting", flags };
      const agent = startAgent(stage.runtime, stage.folders, options);
      stage.second.running = agent;
      await until("not ready, naming the CA file", async () => {
        const { status, text } = await page(`${agentOrigin(node)}/readyz`);
        return status === 503 && text.includes(files.ca);
      });
      mkdirSync(state, { recursive: true });
      copyFileSync(join(stage.folders.state, "ca.crt"), files.ca);
      await until("not ready, naming the token file", async () => {
        const { status, text } = await page(`${agentOrigin(node)}/readyz`);
        return status === 503 && text.includes(files.token);
      });
      replaceFile(files.token, await agentToken(stage.api, pod));
      await untilReady(agent, agentOrigin(node));
      await stage.restartAgent(stage.second);
      rmSync(state, { recursive: true });
    },
  },
  {
    name: "the published CA and the kubeconfig's token may be replaced while the server runs",
    run: async (stage) => {
      await writeServerKubeconfig(stage.api, serverKubeconfig(stage.folders));
      await copyPublishedCa(stage.api, stage.folders);
      const pod = await stage.pod({ namespace: "load", name: "after" });
      const passed = async () => {
        const { status, body } = await pod.send("/latest/meta-data/instance-id");
        return status === 200 && body === instanceId;
      };
      await until("passing on", passed);
    },
  },
];
