/** What a stolen node could try with its kubelet's certificate, and doesn't get. */
import assert from "node:assert/strict";
import { podPath } from "../cluster_objects.ts";
import { KubeApi, KubeFault } from "../kube_api.ts";
import type { Scenario } from "../report.ts";
import type { Stage } from "../stage.ts";
import { until } from "../until.ts";

const role = "iam.amazonaws.com/role";

async function forbidden(attempt: Promise<unknown>, says: RegExp): Promise<void> {
  const seen = await attempt.then(() => undefined, (fault: unknown) => fault);
  assert.ok(seen instanceof KubeFault, "it was allowed");
  assert.deepEqual([seen.status >= 400 && seen.status < 500, says.test(seen.message)], [
    true,
    true,
  ]);
}

export const fence: readonly Scenario<Stage>[] = [
  {
    name: "a kubelet can report its pods' status, but can't give them a role",
    run: async (stage) => {
      await stage.namespace("fence", ".*");
      const { node } = stage.first;
      await stage.pod({ namespace: "fence", name: "web" });
      const own = await stage.api.keys.kubelet(node.name);
      const kubelet = new KubeApi(stage.api.origin, stage.api.keys, own);
      const path = `${podPath("fence", "web")}/status`;
      await kubelet.patch(path, { status: { message: "fine" } });
      const attempt = kubelet.patch(path, { metadata: { annotations: { [role]: "admin" } } });
      await forbidden(attempt, /iam\.amazonaws\.com/);
      kubelet.close();
    },
  },
  {
    name: "a mirror pod gets no role, not even its namespace's default",
    run: async (stage) => {
      await stage.api.patch("/api/v1/namespaces/fence", {
        metadata: { annotations: { "iam.amazonaws.com/default-role": "reader" } },
      });
      const annotations = { "kubernetes.io/config.mirror": "0123456789abcdef" };
      const spec = { namespace: "fence", name: "static", annotations, serviceAccount: null };
      const pod = await stage.pod(spec);
      await until("a denial", async () => (await pod.list()).status === 403);
    },
  },
  {
    name: "the server may only access its own Secret and ConfigMap",
    run: async (stage) => {
      const server = stage.api.as("system:serviceaccount:rolecall:rolecall-server");
      for (const [folder, own] of [["secrets", "server-tls"], ["configmaps", "server-ca"]]) {
        const path = `/api/v1/namespaces/rolecall/${folder}`;
        const kind = folder === "secrets" ? "Secret" : "ConfigMap";
        const made = (name: string) => ({ apiVersion: "v1", kind, metadata: { name } });
        await server.get(`${path}/rolecall-${own}`);
        await forbidden(server.create(path, made(`rolecall-${own}`)), /cannot create/);
        await forbidden(server.apply(`${path}/other`, made("other")), /cannot patch/);
        await forbidden(server.get(`${path}/other`), /cannot get/);
        await forbidden(server.get(path), /cannot list/);
      }
      server.close();
    },
  },
];
