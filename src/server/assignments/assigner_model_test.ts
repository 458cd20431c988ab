import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FakeCredentialCache } from "../../../tests/fakes/credential_cache.ts";
import { namespaceFacts, podFacts } from "../../../tests/fakes/facts.ts";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { policySettings } from "../../../tests/fakes/policy_settings.ts";
import { createPolicy } from "../../policy/decide.ts";
import type { NamespaceFacts, PodFacts, ServiceAccountFacts } from "../../policy/facts.ts";
import type { AssignFrame } from "../../protocol/frames.ts";
import { Assigner, type NodeAssignments } from "./assigner.ts";
import { ClusterIndex } from "../cluster/cluster_index.ts";

const nodes = ["n1", "n2"] as const;
const role = fc.constantFrom(null, null, "", "reader", "writer", "not a role");

const anyPod = fc.record({
  uid: fc.constantFrom("a", "b", "c"),
  nodeName: fc.constantFrom(null, ...nodes),
  serviceAccount: fc.constantFrom("default", "till"),
  role,
  terminal: fc.boolean(),
  terminating: fc.boolean(),
  // A UID keeps its name and namespace, whatever else changes.
}).map((some) =>
  podFacts({ ...some, name: some.uid, namespace: some.uid === "b" ? "desk" : "shop" })
);
const anyNamespace = fc.record({
  name: fc.constantFrom("shop", "desk"),
  permitted: fc.constantFrom(null, ".*", ".*", ".*/reader", "a("),
  defaultRole: role,
}).map((some) => namespaceFacts(some));
const anyAccount = fc.record({
  namespace: fc.constantFrom("shop", "desk"),
  name: fc.constantFrom("default", "till"),
  role,
  irsaRole: fc.constant(null),
  sessionPolicyArns: fc.constant(null),
});

/** What can happen to a cluster and its agents. */
const anyStep = fc.oneof(
  { weight: 4, arbitrary: anyPod.map((pod) => (world: World) => world.index.pods.upsert(pod)) },
  fc.constantFrom("a", "b", "c").map((uid) => (world: World) => world.index.pods.remove(uid)),
  fc.array(anyPod, { maxLength: 3 }).map((pods) => (world: World) =>
    world.index.pods.replace(pods)
  ),
  anyNamespace.map((one) => (world: World) => world.index.namespaces.upsert(one)),
  fc.constant((world: World) => world.index.namespaces.remove("shop")),
  {
    weight: 2,
    arbitrary: anyAccount.map((one) => (world: World) => world.index.serviceAccounts.upsert(one)),
  },
  fc.constantFrom(...nodes).map((node) => (world: World) => world.connect(node)),
  fc.constantFrom(...nodes).map((node) => (world: World) => world.disconnect(node)),
  fc.constant((world: World) => world.clock.advance(60_000)),
);

const manySteps = fc.array(anyStep, { minLength: 20, maxLength: 60, size: "max" });

/** A cluster, the assigner, and agents that record the changes they receive. */
class World {
  readonly clock = new ManualClock();
  readonly cache = new FakeCredentialCache();
  readonly index = new ClusterIndex();
  readonly connected = new Map<
    string,
    { view: NodeAssignments; received: Map<string, AssignFrame> }
  >();
  readonly assigner: Assigner = new Assigner({
    index: this.index,
    cache: this.cache,
    policy: createPolicy(policySettings),
    clock: this.clock,
    nodeGraceMs: 60_000,
    assigned: () => {},
  });

  constructor() {
    this.index.namespaces.replace([]);
    this.index.serviceAccounts.replace([]);
    this.index.pods.replace([]);
  }

  connect(node: string): void {
    if (this.connected.has(node)) return;
    const received = new Map<string, AssignFrame>();
    const send = (uid: string) => {
      const frame = view.frame(uid);
      if (frame === undefined) received.delete(uid);
      else received.set(uid, frame);
    };
    const view = this.assigner.attach(node, send);
    for (const uid of view.uids()) send(uid);
    this.connected.set(node, { view, received });
  }

  disconnect(node: string): void {
    this.connected.get(node)?.view.detach();
    this.connected.delete(node);
  }
}

/** The same cluster, met for the first time. */
function fresh(world: World, node: string): World {
  const pods: PodFacts[] = [...world.index.allPods()];
  const namespaces: NamespaceFacts[] = ["shop", "desk"].flatMap((name) =>
    world.index.namespace(name) ?? []
  );
  const accounts = new Map<string, ServiceAccountFacts>();
  for (const pod of pods) {
    const account = world.index.serviceAccount(pod.namespace, pod.serviceAccount);
    if (account !== undefined) accounts.set(`${account.namespace}/${account.name}`, account);
  }
  const other = new World();
  other.index.namespaces.replace(namespaces);
  other.index.serviceAccounts.replace([...accounts.values()]);
  other.index.pods.replace(pods);
  other.connect(node);
  return other;
}

/** Without pods of a deleted namespace: they keep what a new server can't know. */
function comparable(world: World, frames: Map<string, AssignFrame>): Map<string, AssignFrame> {
  return new Map(
    [...frames].filter(([, { pod }]) => world.index.namespace(pod.namespace) !== undefined).sort(),
  );
}

test("Assigner: after any history, agents know what a new server would send", async () => {
  await fc.assert(
    fc.asyncProperty(manySteps, async (steps) => {
      const world = new World();
      world.connect("n1");
      for (const step of steps) await step(world);
      for (const [node, { received }] of world.connected) {
        const expected = fresh(world, node).connected.get(node)!.received;
        assert.deepEqual(comparable(world, received), comparable(world, expected));
      }
    }),
    { numRuns: 600 },
  );
});

test("Assigner: whatever happened, exactly what connected nodes need is held in the end", async () => {
  await fc.assert(
    fc.asyncProperty(manySteps, async (steps) => {
      const world = new World();
      for (const step of steps) await step(world);
      await world.clock.advance(60_000);
      const needed = new Map<string, Set<string>>();
      for (const { received } of world.connected.values()) {
        for (const [uid, { role }] of received) {
          if (!role) continue;
          needed.set(role.identity, (needed.get(role.identity) ?? new Set()).add(uid));
        }
      }
      assert.deepEqual(new Map([...world.cache.holders].sort()), new Map([...needed].sort()));
      for (const node of nodes) world.disconnect(node);
      await world.clock.advance(60_000);
      assert.deepEqual([world.cache.holders.size, world.clock.pending()], [0, 0]);
    }),
    { numRuns: 600 },
  );
});
