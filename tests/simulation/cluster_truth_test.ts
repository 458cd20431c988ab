import { test } from "node:test";
import assert from "node:assert/strict";
import { ClusterTruth } from "./cluster_truth.ts";

test("ClusterTruth.since() has what was right with any state from then on, and nothing older", () => {
  const truth = new ClusterTruth("plain");
  const namespace = {
    name: "a",
    permits: ["reader", "writer"],
    externalId: null,
    trustRole: null,
    annotations: {},
    ending: false,
  };
  const pod = {
    uid: "u",
    name: "pod-1",
    namespace: "a",
    account: "one",
    node: "node-1",
    network: "one-address" as const,
    role: "reader",
    createdAt: "2026-01-01T00:00:00Z",
    annotations: {},
    completed: false,
  };
  truth.namespace("a", namespace, 0);
  truth.account("a/one", {}, 0);
  truth.pod("u", pod, 10);
  const reader = truth.now("u")!.what;
  truth.pod("u", { ...pod, role: "writer" }, 20);
  const writer = truth.now("u")!.what;
  truth.namespace("a", { ...namespace, permits: [] }, 30);
  truth.pod("u", null, 40);

  const right = (from: number) =>
    [reader, writer, "denied:PermittedEmpty"].filter((what) => truth.since("u", from).has(what));
  assert.deepEqual(right(-Infinity), [reader, writer, "denied:PermittedEmpty"]);
  assert.deepEqual(right(19), [reader, writer, "denied:PermittedEmpty"]);
  assert.deepEqual(right(20), [writer, "denied:PermittedEmpty"]);
  assert.deepEqual(right(30), ["denied:PermittedEmpty"]);
  assert.deepEqual(right(40), []);
  assert.equal(truth.since("unknown", 0).has(reader), false);
});
