import { test } from "node:test";
import assert from "node:assert/strict";
import { eventually } from "../../tests/fakes/in_time.ts";
import { flushPromises, ManualClock } from "../../tests/fakes/manual_clock.ts";
import { fakeFiles } from "../../tests/fakes/runtime.ts";
import { quietLog } from "../../tests/fakes/quiet_log.ts";
import { ClusterIndex } from "../server/cluster/cluster_index.ts";
import { devAgentPod } from "./agent_tokens.ts";
import { kubernetesSource, manifestSource } from "./cluster_source.ts";
import { readCluster } from "./manifests.ts";

const agent = devAgentPod({ namespace: "rolecall", name: "rolecall-agent" });
const namesOf = (index: ClusterIndex) => [...index.allPods()].map(({ name }) => name).sort();

test("manifestSource() loads the manifests, then edits, and reports mistakes", async () => {
  const files = { f: "kind: Pod\nmetadata: {name: a}\nstatus: {podIP: 127.0.0.2}\n" };
  const manifests = fakeFiles(files);
  const first = await readCluster(["f"], manifests);
  assert.ok(first.kind === "read");
  let changed = () => {};
  const received: string[] = [];
  const source = manifestSource({
    paths: ["f"],
    cluster: first.cluster,
    files: ["f"],
    source: manifests,
    watchFile: (_, call) => {
      changed = call;
      return () => {};
    },
    agent,
    print: (lines) => received.push(...lines),
  });
  const index = new ClusterIndex();
  const sinks = sinksOf(index);
  const stop = new AbortController();
  const running = source.run(sinks, stop.signal);
  assert.ok(index.synced);
  assert.deepEqual(namesOf(index), ["a", "rolecall-agent-dev"]);
  assert.deepEqual(received.splice(0), [
    "namespace default isn't in the manifests: assumed to have no annotations",
  ]);

  files.f = "kind: [";
  changed();
  await flushPromises();
  assert.deepEqual(namesOf(index), ["a", "rolecall-agent-dev"]);
  assert.match(received.join("\n"), /^f: document 1, line \d+: .+\nnothing changed$/);
  assert.match(source.watches()[0]?.lastError ?? "", /^f: document 1/);

  files.f = "kind: Pod\nmetadata: {name: b}\nstatus: {podIP: 127.0.0.2}\n";
  changed();
  await flushPromises();
  assert.deepEqual(namesOf(index), ["b", "rolecall-agent-dev"]);
  assert.equal(source.watches()[0]?.lastError, null);
  stop.abort();
  await running;
});

test("kubernetesSource() lets only the named pods in, each at its own loopback address", async () => {
  const pod = (name: string) => ({
    metadata: { uid: name, namespace: "shop", name },
    spec: { nodeName: "n1" },
    status: { podIP: "10.0.0.7" },
  });
  const lists: Record<string, unknown[]> = {
    "/api/v1/pods": [pod("cart"), pod("other")],
    "/api/v1/namespaces": [{ metadata: { name: "shop" } }],
    "/api/v1/serviceaccounts": [],
  };
  let watched = false;
  const api = {
    open: ({ path, signal }: { path: string; signal?: AbortSignal }) => {
      const url = new URL(path, "http://api.test");
      if (url.searchParams.has("watch") && url.pathname === "/api/v1/pods" && !watched) {
        watched = true;
        const events = ["web", "another"].map((name) => ({ type: "ADDED", object: pod(name) }));
        return Promise.resolve(new Response(events.map((one) => JSON.stringify(one)).join("\n")));
      }
      if (url.searchParams.has("watch")) {
        return new Promise<Response>((_, reject) =>
          signal?.addEventListener("abort", () => reject(signal.reason))
        );
      }
      const body = { metadata: { resourceVersion: "7" }, items: lists[url.pathname] };
      return Promise.resolve(Response.json(body));
    },
  };
  const clock = new ManualClock();
  const source = kubernetesSource({
    api,
    as: ["shop/web", "shop/cart"],
    agent,
    clock,
    random: () => 0,
    log: quietLog,
  });
  const index = new ClusterIndex();
  const sinks = sinksOf(index);
  const stop = new AbortController();
  const running = source.run(sinks, stop.signal);
  await eventually("the pod that the watch adds", () => index.pod("web") !== undefined);
  assert.deepEqual(namesOf(index), ["cart", "rolecall-agent-dev", "web"]);
  const place = (uid: string) => [index.pod(uid)?.nodeName, index.pod(uid)?.ips];
  assert.deepEqual(place("web"), ["dev-node", ["127.0.0.1"]]);
  assert.deepEqual(place("cart"), ["dev-node", ["127.0.0.2"]]);
  assert.deepEqual(source.watches().map(({ resource, synced }) => [resource, synced]), [
    ["namespaces", true],
    ["serviceaccounts", true],
    ["pods", true],
  ]);
  stop.abort();
  await running;
});

function sinksOf({ pods, namespaces, serviceAccounts }: ClusterIndex) {
  return { pods, namespaces, serviceAccounts, iam: { replace: () => {} } };
}
