/** Edits of pods and namespaces change answers at once, with no restart of anything. */
import assert from "node:assert/strict";
import {
  annotateNamespace,
  annotatePod,
  podPath,
  reportRunning,
  schedulePod,
} from "../cluster_objects.ts";
import { makePodNet } from "../network.ts";
import type { Scenario } from "../report.ts";
import { roleArn, type Stage } from "../stage.ts";
import { until } from "../until.ts";

const role = "iam.amazonaws.com/role";
const permitted = "iam.amazonaws.com/permitted";
const soon = { within: 15_000 };

export const changes: readonly Scenario<Stage>[] = [
  {
    name: "an edited pod annotation changes the role within seconds",
    run: async (stage) => {
      await stage.namespace("edits", ".*");
      const pod = await stage.pod({
        namespace: "edits",
        name: "web",
        annotations: { [role]: "one" },
      });
      await until("the first role", async () => (await pod.credentials("one")).status === 200);
      await annotatePod(stage.api, "edits", "web", { [role]: "two" });
      await until("the second", async () => (await pod.credentials("two")).status === 200, soon);
      assert.equal((await pod.list()).body, "two");
      assert.equal((await pod.credentials("one")).status, 403, "the first is gone");
      await annotatePod(stage.api, "edits", "web", { [role]: null });
      await until("none", async () => (await pod.list()).status === 404, soon);
    },
  },
  {
    name: "a withdrawn permission stops the answers; a restored one brings them back",
    run: async (stage) => {
      await stage.namespace("withdrawn", ".*");
      const annotations = { [role]: "reader" };
      const pod = await stage.pod({ namespace: "withdrawn", name: "web", annotations });
      await until("credentials", async () => (await pod.credentials("reader")).status === 200);
      await annotateNamespace(stage.api, "withdrawn", { [permitted]: roleArn("other") });
      const denied = async () => (await pod.credentials("reader")).status === 403;
      await until("the denial", denied, soon);
      await annotateNamespace(stage.api, "withdrawn", { [permitted]: roleArn("reader") });
      const back = async () => (await pod.credentials("reader")).status === 200;
      await until("credentials again", back, soon);
    },
  },
  {
    name: "credentials are on the node before the pod has an address",
    run: async (stage) => {
      await stage.namespace("early", ".*");
      const { node } = stage.first;
      const annotations = { [role]: "early-bird" };
      const spec = { namespace: "early", name: "web", node: node.name, annotations };
      const calls = () => stage.sts.log().split("POST / ").length;
      const before = calls();
      await schedulePod(stage.api, spec);
      await until("STS asked", () => calls() > before, soon);
      const address = await makePodNet("pod-early", node, 250);
      await reportRunning(stage.api, "early", "web", address);
      await stage.api.remove(podPath("early", "web"));
    },
  },
  {
    name: "a deleted pod's address gets no answer, and a new pod there gets its own",
    run: async (stage) => {
      await stage.namespace("reuse", ".*");
      const annotations = { [role]: "old" };
      const pod = await stage.pod({ namespace: "reuse", name: "old", annotations });
      await until("the old role", async () => (await pod.credentials("old")).status === 200);
      await stage.api.remove(podPath("reuse", "old"));
      await until("no answer", async () => (await pod.list()).status === 503, soon);
      const { node } = stage.first;
      const next = { namespace: "reuse", name: "new", node: node.name };
      await schedulePod(stage.api, { ...next, annotations: { [role]: "new" } });
      await reportRunning(stage.api, "reuse", "new", pod.address);
      await until("the new role", async () => (await pod.credentials("new")).status === 200, soon);
      assert.equal((await pod.credentials("old")).status, 403);
      await stage.api.remove(podPath("reuse", "new"));
    },
  },
  {
    name: "two live pods claim one address: neither is answered",
    run: async (stage) => {
      await stage.namespace("claims", ".*");
      const annotations = { [role]: "reader" };
      const pod = await stage.pod({ namespace: "claims", name: "one", annotations });
      await until("credentials", async () => (await pod.credentials("reader")).status === 200);
      const rival = { namespace: "claims", name: "two", node: stage.first.node.name };
      await schedulePod(stage.api, { ...rival, annotations });
      await reportRunning(stage.api, "claims", "two", pod.address);
      await until("503", async () => (await pod.credentials("reader")).status === 503, soon);
      await stage.api.remove(podPath("claims", "two"));
      const back = async () => (await pod.credentials("reader")).status === 200;
      await until("credentials again", back, soon);
    },
  },
];
