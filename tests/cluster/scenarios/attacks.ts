/** What somebody with a node's kubelet certificate may try; see docs/security.md. */
import assert from "node:assert/strict";
import type { KubeFault } from "../../system/kube_api.ts";
import { roleArn, scriptPod } from "../workloads.ts";
import type { ClusterScenario } from "./mod.ts";

const message = /kubelets may not set or change iam\.amazonaws\.com\/\* annotations/;
const refused = (fault: unknown) => message.test((fault as KubeFault).message);
const role = { "iam.amazonaws.com/role": roleArn("reader") };

export const attacks: readonly ClusterScenario[] = [
  {
    name: "a stolen kubelet can't make a mirror pod with a role",
    ownNodes: true,
    run: async ({ kubectl, own }) => {
      const [node] = own!.nodes;
      const { name } = node!.plan;
      const { uid } = (await kubectl.get("node", name)).metadata;
      const owner = { apiVersion: "v1", kind: "Node", name, uid, controller: true };
      const mirror = (annotations: object) => ({
        apiVersion: "v1",
        kind: "Pod",
        metadata: {
          name: "mirror",
          annotations: { "kubernetes.io/config.mirror": "x", ...annotations },
          ownerReferences: [owner],
        },
        spec: { nodeName: name, containers: [{ name: "main", image: "none" }] },
      });
      const thief = await own!.thief(node!);
      const path = "/api/v1/namespaces/shop/pods";
      await assert.rejects(thief.create(path, mirror(role)), refused);
      // Without the annotation it is what kubelets do every day, with or without a thief.
      await thief.create(path, mirror({}));
      await kubectl.remove("pod", "-n", "shop", "mirror", "--grace-period=0", "--force");
      thief.close();
    },
  },
  {
    name: "a stolen kubelet can't give a pod a role by its status",
    ownNodes: true,
    run: async (site) => {
      const { kubectl, own } = site;
      const [node] = own!.nodes;
      const options = { name: "target", namespace: "shop", node: node!.plan.name };
      await kubectl.apply(scriptPod(site, options, ["/scripts/request_loop.js"]));
      const thief = await own!.thief(node!);
      const path = "/api/v1/namespaces/shop/pods/target/status";
      await assert.rejects(thief.patch(path, { metadata: { annotations: role } }), refused);
      await thief.patch(path, { metadata: { annotations: { "example.org/other": "x" } } });
      await kubectl.remove("pod", "-n", "shop", "target", "--grace-period=1");
      thief.close();
    },
  },
];
