/** `kubectl apply -k`, and everything becomes ready by itself. */
import assert from "node:assert/strict";
import { type ClusterNode } from "../cluster_node.ts";
import { must } from "../../system/programs.ts";
import type { ClusterScenario } from "./mod.ts";

const home = "rolecall";

export const installation: readonly ClusterScenario[] = [
  {
    name: "apply -k: agents and servers become ready",
    essential: true,
    run: async ({ kubectl, overlay }) => {
      await kubectl.do(["apply", "-k", overlay]);
      await kubectl.rolledOut(home, "deployment/rolecall-server");
      await kubectl.rolledOut(home, "daemonset/rolecall-agent");
    },
  },
  {
    name: "servers run on the nodes' own credentials, beside the agents",
    ownNodes: true,
    run: async ({ kubectl, own }) => {
      const servers = await kubectl.pods(home, "rolecall-server");
      assert.equal(new Set(servers.map((pod) => pod.spec.nodeName)).size, servers.length);
      const requested = own!.metadata.requested.filter(({ target }) =>
        target.endsWith("node-instance-role")
      );
      const nodes = new Set(own!.nodes.map(({ plan }) => plan.address));
      assert.ok(
        requested.length > 0 && requested.every(({ peer }) => nodes.has(peer)),
        JSON.stringify(requested),
      );
    },
  },
  {
    name: "each node has the redirect, once",
    ownNodes: true,
    run: async ({ own }) => {
      for (const node of own!.nodes) assert.equal((await redirects(node)).length, 1);
    },
  },
  {
    name: "containers have only the permissions they need",
    run: async ({ kubectl }) => {
      const [agent] = await kubectl.pods(home, "rolecall-agent");
      const [server] = await kubectl.pods(home, "rolecall-server");
      const { securityContext: ofAgent } = agent.spec.containers[0];
      const { securityContext: ofServer } = server.spec.containers[0];
      assert.deepEqual(ofAgent.capabilities, { add: ["NET_ADMIN"], drop: ["ALL"] });
      assert.deepEqual(ofServer.capabilities, { drop: ["ALL"] });
      for (const rights of [ofAgent, ofServer]) {
        assert.equal(rights.readOnlyRootFilesystem, true);
        assert.equal(rights.allowPrivilegeEscalation, false);
      }
      assert.equal(server.spec.securityContext.runAsNonRoot, true);
    },
  },
];

/** The rules of a node that send the metadata address to its agent. */
export async function redirects(node: ClusterNode): Promise<string[]> {
  const rules = await must(node.inside(["iptables-save", "-t", "nat"]));
  return rules.split("\n").filter((line) => line.includes("ROLECALL") && line.includes("DNAT"));
}
