/** The component by which a new node takes no pod before its agent is ready. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../system/until.ts";
import { writeOverlay } from "../own_overlays.ts";
import type { ClusterScenario } from "./mod.ts";

const home = "rolecall";
const key = "rolecall.dev/agent-not-ready";
const rights = "rolecall-server-node-taints";

export const startupTaint: readonly ClusterScenario[] = [{
  name: "the component removes a node's startup taint once its agent is ready",
  ownNodes: true,
  run: async ({ kubectl, image, stsUrl, overlay, own }) => {
    const { name } = own!.nodes[1]!.plan;
    await kubectl.do(["taint", "node", name, `${key}=:NoSchedule`]);
    const tainting = writeOverlay(mkdtempSync(join(tmpdir(), "rolecall-taint-")), {
      resource: "overlays/kubeadm",
      image,
      server: { ROLECALL_STS_ENDPOINT: stsUrl, ROLECALL_REGION: "eu-west-1" },
      components: ["components/startup-taint"],
    });
    await kubectl.do(["apply", "-k", tainting]);
    try {
      await until(`${name} without its taint`, async () => {
        const { spec } = await kubectl.get("node", name);
        return !(spec.taints ?? []).some((taint: { key: string }) => taint.key === key);
      }, { within: 240_000, every: 1000 });
    } finally {
      await kubectl.do(["apply", "-k", overlay]);
      await kubectl.remove("clusterrole,clusterrolebinding", rights);
      await kubectl.rolledOut(home, "deployment/rolecall-server");
    }
  },
}];
