/** The second front: a pod shows its projected token instead of its address. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { podPath, reportRunning, requestToken, schedulePod } from "../cluster_objects.ts";
import { inNamespace } from "../network.ts";
import type { TestPod } from "../pod.ts";
import { must, plainEnv, run } from "../programs.ts";
import type { Scenario } from "../report.ts";
import { replaceFile } from "../rolecall.ts";
import type { Stage } from "../stage.ts";
import { until } from "../until.ts";
import { requestWithBoto } from "./aws_clients.ts";

const address = "169.254.170.23";
const origin = `http://${address}`;
const path = "/v1/credentials";
const namespace = "containers";

type Bound = Pick<TestPod, "spec" | "uid">;

function podToken(stage: Stage, pod: Bound, audience = "rolecall-pod"): Promise<string> {
  const boundTo = { name: pod.spec.name, uid: pod.uid };
  return requestToken(stage.api, { namespace, serviceAccount: "default", audience, boundTo });
}

export const containerCredentials: readonly Scenario<Stage>[] = [
  {
    name: "container credentials: boto3 with the pod's projected token",
    run: async (stage) => {
      const flags = [`--container-credentials=${address}:80`];
      await stage.restartServer(flags);
      await stage.restartAgent(stage.first, { flags, capability: "net_bind_service" });
      await stage.namespace(namespace, ".*");
      const annotations = { "iam.amazonaws.com/role": "reader" };
      const pod = await stage.pod({ namespace, name: "web", annotations });
      await until("credentials", async () => (await pod.credentials("reader")).status === 200);
      const file = join(stage.folders.state, "pod-token");
      replaceFile(file, await podToken(stage, pod));
      const answer = await requestWithBoto(pod, stage.builds.python, {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: origin + path,
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file,
      });
      assert.equal(answer.method, "container-role");
      assert.match(answer.arn ?? "", /assumed-role\/reader\//);
    },
  },
  {
    name: "container credentials: no token 400, a bad one 401, one of another node's pod 401",
    run: async (stage) => {
      const pod = await stage.pod({ namespace, name: "asks" });
      const away = await stage.pod({ namespace, name: "away" }, stage.second.node);
      const send = async (token?: string) => {
        const headers: Record<string, string> = token === undefined ? {} : { authorization: token };
        return (await pod.send(path, { origin, headers })).status;
      };
      assert.equal(await send(), 400);
      assert.equal(await send("garbage"), 401);
      assert.equal(await send(await podToken(stage, pod, "rolecall-server")), 401);
      assert.equal(await send(await podToken(stage, away)), 401);
    },
  },
  {
    name: "container credentials: a host-network pod gets its own",
    run: async (stage) => {
      const { node } = stage.first;
      const annotations = { "iam.amazonaws.com/role": "host-reader" };
      const spec = { namespace, name: "host", node: node.name, hostNetwork: true, annotations };
      const { metadata: { uid } } = await schedulePod(stage.api, spec);
      await reportRunning(stage.api, namespace, spec.name, node.address);
      const file = join(stage.folders.state, "host-pod-token");
      replaceFile(file, await podToken(stage, { spec, uid }));
      const host = {
        run: (command: readonly string[], env: Readonly<Record<string, string>> = {}) =>
          run(inNamespace(node.name, command), { env: plainEnv(env), timeoutMs: 90_000 }),
      };
      const answer = await requestWithBoto(host, stage.builds.python, {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: origin + path,
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file,
      });
      assert.equal(answer.method, "container-role");
      assert.match(answer.arn ?? "", /assumed-role\/host-reader\//);
    },
  },
  {
    name: "container credentials: a deleted pod's token stops working",
    run: async (stage) => {
      const annotations = { "iam.amazonaws.com/role": "reader" };
      const pod = await stage.pod({ namespace, name: "leaves", annotations });
      const authorization = await podToken(stage, pod);
      const send = async () =>
        (await pod.send(path, { origin, headers: { authorization } })).status;
      await until("credentials", async () => await send() === 200);
      await stage.api.remove(podPath(namespace, "leaves"));
      await until("the token refused", async () => await send() === 401);
    },
  },
  {
    name: "container credentials: the address stays when the agent stops, until uninstall",
    run: async (stage) => {
      const { node } = stage.first;
      const held = () => must(inNamespace(node.name, ["ip", "addr", "show", "to", address]));
      await stage.first.running.stop();
      assert.match(await held(), /169\.254\.170\.23/);
      await must(inNamespace(node.name, [...stage.runtime, "uninstall"]));
      assert.equal((await held()).trim(), "");
      await stage.restartServer();
      await stage.restartAgent(stage.first);
    },
  },
];
