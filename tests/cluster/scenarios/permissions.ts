/** The second fence: what Deno lets each command do, tried in the image itself. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Site } from "../site.ts";
import { scriptPod } from "../workloads.ts";
import type { ClusterScenario } from "./mod.ts";

const file = new URL("../../../deploy/image/permissions.json", import.meta.url);
const sets = Object.keys(JSON.parse(readFileSync(file, "utf8")).permissions);
/** By set, beside the variables: a misspelt one is found by looking at all of them. */
const granted: Readonly<Record<string, readonly string[]>> = {
  agent: ["run iptables", "read the host's name"],
  server: ["read the host's name"],
  uninstall: ["run iptables"],
  dev: ["read the host's name"],
};

export const permissions: readonly ClusterScenario[] = [{
  name: "what a command's permission list doesn't grant fails",
  run: async (site) => {
    const attempts = await Promise.all(sets.map((set) => attempted(site, set)));
    for (const [at, set] of sets.entries()) {
      const expected = ["read SECRET_OF_OTHERS", ...granted[set] ?? []];
      assert.deepEqual(attempts[at]?.toSorted(), expected.toSorted(), `permissions of ${set}`);
    }
  },
}];

async function attempted(site: Site, set: string): Promise<string[]> {
  const name = `attempt-${set}`;
  const command = [`--config=/app/deno.json`, `-P=${set}`, "/scripts/attempt.js"];
  const pod = scriptPod(site, { name, namespace: "shop" }, command) as {
    spec: { containers: { command: string[] }[] };
  };
  const [container] = pod.spec.containers;
  container!.command = container!.command.map((word) => word === "-A" ? "-q" : word);
  await site.kubectl.apply(pod);
  const { log } = await site.kubectl.ended("shop", name);
  return JSON.parse(log.trim().split("\n").at(-1) ?? "");
}
