import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { PodFacts } from "../../policy/facts.ts";
import { namespaceFacts, podFacts, serviceAccountFacts } from "../../../tests/fakes/facts.ts";
import { ClusterIndex } from "./cluster_index.ts";

const uids = ["u1", "u2", "u3", "u4"];
const anyPod = fc.record({
  uid: fc.constantFrom(...uids),
  nodeName: fc.constantFrom(null, "n1", "n2"),
  ips: fc.constantFrom([], ["10.0.0.1"], ["10.0.0.1", "fd00::1"]),
  role: fc.constantFrom(null, "", "reader"),
  terminal: fc.boolean(),
}).map((some): PodFacts => podFacts({ ...some, name: some.uid }));
const anyStep = fc.oneof(
  anyPod.map((pod) => ({ kind: "upsert" as const, pod })),
  fc.constantFrom(...uids).map((uid) => ({ kind: "remove" as const, uid })),
  fc.array(anyPod, { maxLength: 4 }).map((pods) => ({ kind: "replace" as const, pods })),
);

function contents(index: ClusterIndex): unknown {
  const order = (pods: Iterable<PodFacts>) => [...pods].sort((a, b) => a.uid.localeCompare(b.uid));
  return {
    all: order(index.allPods()),
    n1: order(index.podsOn("n1")),
    n2: order(index.podsOn("n2")),
  };
}

test("ClusterIndex: a list and its events equal a fresh list, and so do its callbacks", () => {
  fc.assert(fc.property(fc.array(anyStep, { maxLength: 30 }), (steps) => {
    const index = new ClusterIndex();
    const received = new Map<string, PodFacts>();
    index.subscribe({
      podChanged: (now, before) => {
        assert.deepEqual(before, received.get((now ?? before)!.uid));
        if (now === undefined) received.delete(before!.uid);
        else received.set(now.uid, now);
      },
    });
    const model = new Map<string, PodFacts>();
    for (const step of steps) {
      if (step.kind === "upsert") index.pods.upsert(step.pod), model.set(step.pod.uid, step.pod);
      if (step.kind === "remove") index.pods.remove(step.uid), model.delete(step.uid);
      if (step.kind !== "replace") continue;
      index.pods.replace(step.pods);
      model.clear();
      for (const pod of step.pods) model.set(pod.uid, pod);
    }
    const fresh = new ClusterIndex();
    fresh.pods.replace([...model.values()]);
    assert.deepEqual(contents(index), contents(fresh));
    assert.deepEqual(new Map([...received].sort()), new Map([...model].sort()));
  }));
});

function recorded(index: ClusterIndex): string[] {
  const calls: string[] = [];
  index.subscribe({
    podChanged: (now, before) => calls.push(`pod ${now?.uid ?? "-"} ${before?.uid ?? "-"}`),
    namespaceChanged: (name) => calls.push(`namespace ${name}`),
    serviceAccountChanged: (namespace, name) => calls.push(`account ${namespace}/${name}`),
    synced: () => calls.push("synced"),
  });
  return calls;
}

test("ClusterIndex: says once that all three kinds are listed, and names what isn't", () => {
  const index = new ClusterIndex();
  const calls = recorded(index);
  index.pods.replace([]);
  index.namespaces.replace([]);
  assert.deepEqual(index.unlisted, ["serviceaccounts"]);
  assert.equal(index.synced, false);
  index.serviceAccounts.replace([]);
  index.serviceAccounts.replace([]);
  assert.equal(index.synced, true);
  assert.deepEqual(calls, ["synced"]);
});

test("ClusterIndex: an unchanged object changes nothing", () => {
  const index = new ClusterIndex();
  index.pods.upsert(podFacts({ uid: "u1", ips: ["10.0.0.1"] }));
  index.namespaces.upsert(namespaceFacts());
  index.serviceAccounts.upsert(serviceAccountFacts({ name: "till" }));
  const calls = recorded(index);
  index.pods.replace([podFacts({ uid: "u1", ips: ["10.0.0.1"] })]);
  index.namespaces.replace([namespaceFacts()]);
  index.serviceAccounts.upsert(serviceAccountFacts({ name: "till" }));
  assert.deepEqual(calls, []);
  index.namespaces.upsert(namespaceFacts({ permitted: null }));
  index.serviceAccounts.remove("shop/till");
  index.pods.remove("u1");
  assert.deepEqual(calls, ["namespace shop", "account shop/till", "pod - u1"]);
});

test("ClusterIndex: an address is looked up among the pods of one node only", () => {
  const index = new ClusterIndex();
  index.pods.upsert(podFacts({ uid: "u1", nodeName: "n1", ips: ["10.0.0.1"] }));
  const claim = index.claimOn("n1", "10.0.0.1");
  assert.equal(claim.kind === "pod" && claim.pod.uid, "u1");
  assert.equal(index.claimOn("n2", "10.0.0.1").kind, "none");
});
