import { test } from "node:test";
import assert from "node:assert/strict";
import type { PodFacts } from "../policy/facts.ts";
import { actedPods } from "./acted_pods.ts";
import { devAgentPod } from "./agent_pod.ts";

const agent = devAgentPod({ namespace: "rolecall", name: "rolecall-agent" });

function pod(name: string): PodFacts {
  return {
    ...agent,
    uid: name,
    namespace: "shop",
    name,
    nodeName: "ip-10-0-0-1",
    ips: ["10.0.0.7"],
    hostNetwork: false,
  };
}

function sink() {
  const pods = new Map<string, PodFacts>();
  return {
    pods,
    replace: (items: readonly PodFacts[]) => {
      pods.clear();
      for (const item of items) pods.set(item.uid, item);
    },
    upsert: (item: PodFacts) => void pods.set(item.uid, item),
    remove: (uid: string) => void pods.delete(uid),
  };
}

test("actedPods() lets the named pods through, each at its own loopback address", () => {
  const into = sink();
  const acted = actedPods(into, ["shop/b", "shop/a"], agent);
  acted.replace([pod("a"), pod("other")]);
  acted.upsert(pod("b"));
  acted.upsert(pod("another"));
  assert.deepEqual([...into.pods.keys()], ["a", agent.uid, "b"]);
  assert.deepEqual(into.pods.get("b"), { ...pod("b"), nodeName: "dev-node", ips: ["127.0.0.1"] });
  assert.deepEqual(into.pods.get("a")?.ips, ["127.0.0.2"]);
  acted.remove("a");
  assert.ok(!into.pods.has("a"));
});
