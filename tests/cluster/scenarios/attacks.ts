/** What somebody with a node's kubelet certificate may try; see docs/security.md. */
import assert from "node:assert/strict";
import { roleArn, scriptPod } from "../workloads.ts";
import type { ClusterScenario } from "./mod.ts";

const refused = /kubelets may not set or change iam\.amazonaws\.com\/\* annotations/;
const annotation = "iam.amazonaws.com/role";

export const attacks: readonly ClusterScenario[] = [
  {
    name: "a stolen kubelet can't make a mirror pod with a role",
    ownNodes: true,
    run: async ({ kubectl, own }) => {
      const [node] = own!.nodes;
      const thief = kubectl.as(own!.kubeletKubeconfig(node!));
      const pod = (annotations: object) => ({
        apiVersion: "v1",
        kind: "Pod",
        metadata: {
          name: "mirror",
          namespace: "shop",
          annotations: { "kubernetes.io/config.mirror": "x", ...annotations },
          ownerReferences: [],
        },
        spec: { nodeName: node!.plan.name, containers: [{ name: "main", image: "none" }] },
      });
      const { items } = await kubectl.get(
        "nodes",
        "--field-selector",
        `metadata.name=${node!.plan.name}`,
      );
      const owner = {
        apiVersion: "v1",
        kind: "Node",
        name: node!.plan.name,
        uid: items[0].metadata.uid,
        controller: true,
      };
      const owned = (annotations: object) => {
        const made = pod(annotations);
        return { ...made, metadata: { ...made.metadata, ownerReferences: [owner] } };
      };
      const wanted = JSON.stringify(owned({ [annotation]: roleArn("reader") }));
      const { code, stderr } = await thief.try(["create", "-f", "-"], wanted);
      assert.notEqual(code, 0);
      assert.match(stderr, refused);
      // The same without the annotation is what kubelets do every day.
      await thief.do(["create", "-f", "-"], JSON.stringify(owned({})));
      await kubectl.do(["delete", "pod", "-n", "shop", "mirror", "--grace-period=0", "--force"]);
    },
  },
  {
    name: "a stolen kubelet can't give a pod a role by its status",
    ownNodes: true,
    run: async (site) => {
      const { kubectl, own } = site;
      const [node] = own!.nodes;
      const wish = { name: "target", namespace: "shop", node: node!.plan.name };
      await kubectl.apply(scriptPod(site, wish, ["/scripts/ask.js"]));
      const thief = kubectl.as(own!.kubeletKubeconfig(node!));
      const change = JSON.stringify({
        metadata: { annotations: { [annotation]: roleArn("reader") } },
      });
      const patch = [
        "patch",
        "pod",
        "target",
        "-n",
        "shop",
        "--subresource=status",
        "--type=merge",
      ];
      const { code, stderr } = await thief.try([...patch, "-p", change]);
      assert.notEqual(code, 0);
      assert.match(stderr, refused);
      const shown = await kubectl.get("pod", "-n", "shop", "target");
      assert.equal(shown.metadata.annotations?.[annotation], undefined);
      await kubectl.do(["delete", "pod", "-n", "shop", "target", "--grace-period=1"]);
    },
  },
];
