/** Deletion: pods stay shut off until `uninstall`, and after that no rule of ours is left. */
import assert from "node:assert/strict";
import { must } from "../../system/programs.ts";
import { redirects } from "./installation.ts";
import type { ClusterScenario } from "./mod.ts";

export const removal: readonly ClusterScenario[] = [
  {
    name: "delete -k removes everything except the rules, which keep pods from the node's role",
    run: async ({ kubectl, overlay, own }) => {
      await kubectl.do(
        ["delete", "-k", overlay, "--ignore-not-found", "--timeout=120s"],
        undefined,
        130_000,
      );
      const left = await kubectl.try(["get", "namespace", "rolecall"]);
      assert.match(left.stderr, /NotFound/);
      for (const node of own?.nodes ?? []) assert.equal((await redirects(node)).length, 1);
      assert.deepEqual(own?.metadata.leaks() ?? [], []);
    },
  },
  {
    name: "the uninstall overlay removes the rules from every node",
    run: async ({ kubectl, uninstall, own }) => {
      await kubectl.do(["apply", "-k", uninstall]);
      await kubectl.rolledOut("rolecall-uninstall", "daemonset/rolecall-uninstall");
      await kubectl.do(["delete", "-k", uninstall, "--timeout=120s"], undefined, 130_000);
      for (const node of own?.nodes ?? []) {
        for (const save of ["iptables-save", "ip6tables-save"]) {
          assert.doesNotMatch(await must(node.inside([save])), /ROLECALL/);
        }
        assert.doesNotMatch(await must(node.inside(["nft", "list", "tables"])), /rolecall/);
        // Of container credentials, which outlive their component like the redirect.
        assert.doesNotMatch(await must(node.inside(["ip", "address"])), /169\.254\.170\./);
      }
    },
  },
];
