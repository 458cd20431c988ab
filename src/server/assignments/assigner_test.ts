import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeCredentialCache, fakeCredentials } from "../../../tests/fakes/credential_cache.ts";
import {
  namespaceFacts,
  podFacts,
  roleIdentity,
  serviceAccountFacts,
} from "../../../tests/fakes/facts.ts";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import type { Policy } from "../../policy/decide.ts";
import type { Decision, RoleIdentity } from "../../policy/facts.ts";
import { identityKey } from "../../policy/role_identity.ts";
import { Assigner } from "./assigner.ts";
import type { Assignment } from "./assignment_frame.ts";
import { ClusterIndex } from "../cluster/cluster_index.ts";

function identityOf(name: string): RoleIdentity {
  return roleIdentity({ arn: `arn:aws:iam::111122223333:role/${name}` });
}

function role(name: string): Decision {
  return { kind: "role", name, requested: name, identity: identityOf(name) };
}

const denied = (message: string): Decision => ({
  kind: "denied",
  denial: { reason: "NotPermitted", message },
});

/** The pod's role, its ServiceAccount's or its namespace's, where the namespace permits any. */
const policy: Pick<Policy, "decide" | "requestedRole"> = {
  requestedRole: () => ({ kind: "none" }),
  decide(pod, namespace, account) {
    const name = pod.role ?? account?.role ?? namespace?.defaultRole ?? null;
    if (name === null) return { kind: "none" };
    return namespace?.permitted === ".*" ? role(name) : denied(`${name} is not permitted`);
  },
};

function started(pods = [podFacts({ role: "reader" })]) {
  const clock = new ManualClock();
  const cache = new FakeCredentialCache();
  const index = new ClusterIndex();
  const assigned: Assignment[] = [];
  const assigner = new Assigner({
    index,
    cache,
    policy,
    clock,
    nodeGraceMs: 60_000,
    assigned: (now) => assigned.push(now),
  });
  index.namespaces.replace([namespaceFacts()]);
  index.serviceAccounts.replace([]);
  index.pods.replace(pods);
  const changes: string[] = [];
  const attach = (node = "n1") => assigner.attach(node, (uid) => changes.push(uid));
  return { clock, cache, index, assigner, assigned, changes, attach };
}

const reader = identityKey(identityOf("reader"));
const writer = identityKey(identityOf("writer"));
const uid = "uid-web";

test("Assigner: holds roles only for nodes whose agent is connected", () => {
  const { cache, attach } = started([
    podFacts({ uid: "a", role: "reader", nodeName: "n1" }),
    podFacts({ uid: "b", role: "writer", nodeName: "n2" }),
    podFacts({ uid: "c", role: "waiter", nodeName: null }),
  ]);
  assert.equal(cache.holders.size, 0);
  const node = attach("n1");
  assert.deepEqual([...cache.holders], [[reader, new Set(["a"])]]);
  assert.deepEqual(node.uids(), ["a"]);
});

test("Assigner: decides nothing before pods, namespaces and ServiceAccounts are listed", () => {
  const cache = new FakeCredentialCache();
  const index = new ClusterIndex();
  const parts = { index, cache, policy, clock: new ManualClock(), nodeGraceMs: 0 };
  const assigner = new Assigner({ ...parts, assigned: () => {} });
  index.pods.replace([podFacts({ role: "reader" })]);
  index.namespaces.replace([namespaceFacts()]);
  const node = assigner.attach("n1", () => {});
  assert.deepEqual(node.uids(), []);
  index.serviceAccounts.replace([]);
  assert.deepEqual(node.uids(), [uid]);
});

test("Assigner: a pod without a role has a frame that says so", () => {
  const { attach } = started([podFacts()]);
  assert.equal(attach().frame(uid)?.role, null);
});

test("Assigner: pending, then ready, then renewed credentials", () => {
  const { cache, attach, changes } = started();
  const node = attach();
  assert.equal(node.frame(uid)?.role?.identity, reader);
  assert.equal(node.frame(uid)?.role?.credentials, undefined);
  for (const id of ["ONE", "TWO"]) {
    cache.states.set(reader, {
      kind: "ready",
      credentials: fakeCredentials(id, 1_767_225_600_000),
    });
    cache.changed(reader);
    assert.deepEqual(node.frame(uid)?.role?.credentials, {
      accessKeyId: `ASIA${id}`,
      secretAccessKey: `secret-${id}`,
      sessionToken: `session-${id}`,
      expiration: "2026-01-01T01:00:00Z",
      lastUpdated: "2026-01-01T00:00:00Z",
      leftSeconds: 3600,
    });
  }
  cache.changed(reader);
  assert.deepEqual(changes, [uid, uid]);
});

test("Assigner: failed credentials deny with STS's reason", () => {
  const { cache, attach } = started();
  const node = attach();
  cache.states.set(reader, { kind: "failed", reason: "access_denied", message: "no trust" });
  cache.changed(reader);
  const frame = node.frame(uid);
  assert.deepEqual(frame?.denied, { reason: "CredentialsFailed", message: "no trust" });
  assert.equal(frame?.role, undefined);
});

test("Assigner: a withdrawn permission denies at once and releases the credentials", () => {
  const { cache, index, attach, changes } = started();
  const node = attach();
  index.namespaces.upsert(namespaceFacts({ permitted: null }));
  assert.equal(node.frame(uid)?.denied?.reason, "NotPermitted");
  assert.equal(cache.holders.size, 0);
  assert.deepEqual(changes, [uid]);
});

test("Assigner: a changed role is held before the former is released", () => {
  const { cache, index, attach } = started();
  attach();
  index.pods.upsert(podFacts({ role: "writer" }));
  assert.deepEqual([...cache.holders.keys()], [writer]);
});

test("Assigner: a default role and a ServiceAccount's role count as soon as they are there", () => {
  const { index, attach } = started([podFacts()]);
  const node = attach();
  index.namespaces.upsert(namespaceFacts({ defaultRole: "default" }));
  assert.equal(node.frame(uid)?.role?.name, "default");
  index.serviceAccounts.upsert(serviceAccountFacts({ role: "account" }));
  assert.equal(node.frame(uid)?.role?.name, "account");
  index.serviceAccounts.remove("shop/default");
  assert.equal(node.frame(uid)?.role?.name, "default");
});

// name, the change, whether the back-off of a refused identity is forgotten
const retries = [
  [
    "a new pod",
    (index: ClusterIndex) => index.pods.upsert(podFacts({ uid: "b", role: "reader" })),
    1,
  ],
  [
    "an annotation",
    (index: ClusterIndex) => index.pods.upsert(podFacts({ role: "reader", sessionName: "x" })),
    1,
  ],
  [
    "its namespace",
    (index: ClusterIndex) => index.namespaces.upsert(namespaceFacts({ imdsv2: "required" })),
    1,
  ],
  [
    "an address",
    (index: ClusterIndex) => index.pods.upsert(podFacts({ role: "reader", ips: ["10.0.0.9"] })),
    0,
  ],
  [
    "another namespace",
    (index: ClusterIndex) => index.namespaces.upsert(namespaceFacts({ name: "other" })),
    0,
  ],
] as const;

for (const [name, change, times] of retries) {
  test(`Assigner: ${name} changes: ${times} retries`, () => {
    const { cache, index, attach } = started();
    attach();
    change(index);
    assert.deepEqual(cache.retried, Array(times).fill(reader));
  });
}

test("Assigner: terminal and removed pods are revoked, terminating ones are not", () => {
  const pod = podFacts({ role: "reader" });
  const { cache, index, attach, changes } = started([pod, podFacts({ uid: "b", role: "reader" })]);
  const node = attach();
  index.pods.upsert({ ...pod, terminating: true });
  assert.deepEqual(changes, [uid]);
  assert.equal(node.frame(uid)?.pod.terminating, true);
  index.pods.upsert({ ...pod, terminal: true });
  assert.equal(node.frame(uid), undefined);
  index.pods.remove("b");
  assert.deepEqual([changes, node.uids(), cache.holders.size], [[uid, uid, "b"], [], 0]);
});

test("Assigner: a node's credentials outlive its last stream by the grace, not longer", async () => {
  const { clock, cache, attach } = started();
  const [first, second] = [attach(), attach()];
  first.detach();
  await clock.advance(120_000);
  assert.equal(cache.holders.size, 1);
  second.detach();
  await clock.advance(59_000);
  const third = attach();
  await clock.advance(120_000);
  assert.equal(cache.holders.size, 1);
  third.detach();
  third.detach();
  await clock.advance(60_000);
  assert.equal(cache.holders.size, 0);
  assert.equal(attach().frame(uid)?.role?.name, "reader");
});

test("Assigner: another policy decides everything again", () => {
  const { assigner, attach, changes, cache } = started();
  const node = attach();
  assigner.setPolicy({ ...policy, decide: () => role("reader") });
  assert.deepEqual(cache.retried, [reader], "what waited for the settings is tried at once");
  assigner.setPolicy({ ...policy, decide: () => ({ kind: "none" }) });
  assert.equal(node.frame(uid)?.role, null);
  assert.deepEqual(changes, [uid]);
});

// what the API server deletes first, together with the namespace
const deletions = [
  ["the namespace is terminating and the ServiceAccount gone", (index: ClusterIndex) => {
    index.namespaces.upsert(namespaceFacts({ terminating: true }));
    index.serviceAccounts.remove("shop/default");
  }],
  ["the namespace is gone", (index: ClusterIndex) => index.namespaces.remove("shop")],
] as const;

for (const [name, remove] of deletions) {
  test(`Assigner: pods keep their assignment to their end when ${name}`, () => {
    const { cache, index, attach, assigned, changes } = started([podFacts()]);
    index.serviceAccounts.upsert(serviceAccountFacts({ role: "reader" }));
    const node = attach();
    const received = assigned.length;
    remove(index);
    assert.equal(node.frame(uid)?.role?.name, "reader");
    index.pods.upsert(podFacts({ terminating: true }));
    assert.equal(node.frame(uid)?.role?.name, "reader");
    assert.deepEqual([changes, assigned.length - received, cache.holders.size], [[uid], 1, 1]);
    index.pods.remove(uid);
    assert.equal(cache.holders.size, 0);
  });

  test(`Assigner: another policy takes their role all the same when ${name}`, () => {
    const { cache, index, assigner, attach } = started();
    const node = attach();
    remove(index);
    assigner.setPolicy({ ...policy, decide: () => denied("the server runs as it") });
    assert.equal(node.frame(uid)?.denied?.message, "the server runs as it");
    assert.equal(cache.holders.size, 0);
  });
}

test("Assigner: a terminating namespace can still withdraw a permission", () => {
  const { index, attach } = started();
  index.serviceAccounts.upsert(serviceAccountFacts());
  const node = attach();
  index.namespaces.upsert(namespaceFacts({ terminating: true, permitted: "nothing" }));
  assert.equal(node.frame(uid)?.denied?.reason, "NotPermitted");
});

test("Assigner: deleting only a ServiceAccount removes its pods' role, also from terminating ones", () => {
  const { index, attach } = started([podFacts({ terminating: true })]);
  index.serviceAccounts.upsert(serviceAccountFacts({ role: "reader" }));
  const node = attach();
  index.serviceAccounts.remove("shop/default");
  assert.equal(node.frame(uid)?.role, null);
});

test("Assigner: people learn why credentials are pending, agents get no frame for it", () => {
  const { cache, attach, assigned, changes } = started();
  attach();
  const received = assigned.length;
  cache.states.set(reader, { kind: "pending", problem: "STS can't be reached" });
  cache.changed(reader);
  cache.changed(reader);
  assert.deepEqual([assigned.length - received, changes], [1, []]);
});

test("Assigner: a pod as read from the API has its address and the credentials held", () => {
  const { cache, assigner, attach } = started([podFacts({ role: "reader", ips: [] })]);
  attach();
  cache.states.set(reader, { kind: "ready", credentials: fakeCredentials("ONE", 0) });
  const frame = assigner.frameFor(podFacts({ role: "reader", ips: ["10.0.0.7"] }));
  assert.deepEqual(frame.pod.ips, ["10.0.0.7"]);
  assert.equal(frame.role?.credentials?.accessKeyId, "ASIAONE");
});

test("Assigner: reports each assignment once, even if updates repeat it", () => {
  const { assigned, cache, attach, index } = started();
  attach();
  index.pods.upsert(podFacts({ role: "reader", createdAt: "2026-01-02T00:00:00Z" }));
  cache.changed(reader);
  assert.equal(assigned.length, 1);
});
