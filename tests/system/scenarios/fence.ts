/** What a stolen node could try with its kubelet's certificate, and doesn't get. */
import assert from "node:assert/strict";
import { podPath } from "../cluster_objects.ts";
import { KubeApi, KubeFault } from "../kube_api.ts";
import type { Scenario } from "../report.ts";
import type { Stage } from "../stage.ts";
import { until } from "../until.ts";

const role = "iam.amazonaws.com/role";

export const fence: readonly Scenario<Stage>[] = [
  {
    name: "a kubelet can report its pods' status and can't give them a role",
    run: async (stage) => {
      await stage.namespace("fence", ".*");
      const { node } = stage.first;
      await stage.pod({ namespace: "fence", name: "web" });
      const own = await stage.api.keys.kubelet(node.name);
      const kubelet = new KubeApi(stage.api.origin, stage.api.keys, own);
      const path = `${podPath("fence", "web")}/status`;
      await kubelet.patch(path, { status: { message: "fine" } });
      const attempt = kubelet.patch(path, { metadata: { annotations: { [role]: "admin" } } });
      await assert.rejects(attempt, (fault: unknown) => {
        assert.ok(fault instanceof KubeFault);
        assert.match(fault.message, /iam\.amazonaws\.com/);
        return true;
      });
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
];
