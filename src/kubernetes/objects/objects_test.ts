import { test } from "node:test";
import { serviceAccountFacts } from "../../../tests/fakes/facts.ts";
import assert from "node:assert/strict";
import fc from "fast-check";
import { namespaces, pods, serviceAccounts } from "./objects.ts";

const plain = {
  metadata: {
    uid: "u1",
    namespace: "shop",
    name: "web",
    creationTimestamp: "2026-01-01T00:00:00Z",
    annotations: { "iam.amazonaws.com/role": "reader" },
  },
  spec: { nodeName: "node-a", serviceAccountName: "web" },
  status: { phase: "Running", podIP: "10.0.0.7", podIPs: [{ ip: "10.0.0.7" }, { ip: "fd00::7" }] },
};

const facts = {
  uid: "u1",
  namespace: "shop",
  name: "web",
  nodeName: "node-a",
  serviceAccount: "web",
  ips: ["10.0.0.7", "fd00::7"],
  hostNetwork: false,
  terminal: false,
  terminating: false,
  mirror: null,
  createdAt: "2026-01-01T00:00:00Z",
  role: "reader",
  sessionName: null,
  externalId: null,
  sessionDuration: null,
  sessionPolicyArns: null,
};

function pod(part: "metadata" | "spec" | "status", change: object): object {
  return { ...plain, [part]: { ...plain[part], ...change } };
}

function annotated(annotations: unknown): object {
  return pod("metadata", { annotations });
}

// name, object, what differs from the plain pod's facts
const podCases = [
  ["as it is", plain, {}],
  ["no status yet", { ...plain, status: undefined }, { ips: [] }],
  ["no spec", { ...plain, spec: null }, { nodeName: null, serviceAccount: "default" }],
  ["not scheduled", pod("spec", { nodeName: "" }), { nodeName: null }],
  ["on the host's network", pod("spec", { hostNetwork: true }), { hostNetwork: true }],
  ["an odd hostNetwork", pod("spec", { hostNetwork: "yes" }), {}],
  ["Succeeded", pod("status", { phase: "Succeeded" }), { terminal: true }],
  ["Failed", pod("status", { phase: "Failed" }), { terminal: true }],
  ["Unknown", pod("status", { phase: "Unknown" }), {}],
  ["terminating", pod("metadata", { deletionTimestamp: "2026" }), { terminating: true }],
  ["podIP alone", pod("status", { podIPs: undefined }), { ips: ["10.0.0.7"] }],
  ["podIPs alone", pod("status", { podIP: undefined }), {}],
  ["IPs no list", pod("status", { podIPs: "10.0.0.7" }), { ips: ["10.0.0.7"] }],
  [
    "odd addresses",
    pod("status", { podIP: "10.1", podIPs: [{ ip: "FD00:0::7" }, {}, null, { ip: 5 }] }),
    { ips: ["fd00::7"] },
  ],
  ["no annotations", annotated(undefined), { role: null }],
  ["an empty role", annotated({ "iam.amazonaws.com/role": "" }), { role: "" }],
  ["a role that is no text", annotated({ "iam.amazonaws.com/role": 7 }), { role: null }],
  ["annotations that are none", annotated([]), { role: null }],
  [
    "a mirror pod",
    annotated({ "kubernetes.io/config.mirror": "0123" }),
    { role: null, mirror: "0123" },
  ],
  ["a mirror pod, oddly marked", annotated({ "kubernetes.io/config.mirror": 7 }), {
    role: null,
    mirror: "",
  }],
  [
    "all annotations",
    annotated({
      "iam.amazonaws.com/role": "r",
      "iam.amazonaws.com/session-name": "s",
      "iam.amazonaws.com/external-id": "e",
      "iam.amazonaws.com/session-duration": "15m",
      "iam.amazonaws.com/session-policy-arns": "p",
    }),
    {
      role: "r",
      sessionName: "s",
      externalId: "e",
      sessionDuration: "15m",
      sessionPolicyArns: "p",
    },
  ],
  [
    "no creation time",
    pod("metadata", { creationTimestamp: null }),
    { createdAt: "1970-01-01T00:00:00Z" },
  ],
] as const;

for (const [name, object, difference] of podCases) {
  test(`pods.pick() ${name}`, () => {
    assert.deepEqual(pods.pick(object), { key: "u1", item: { ...facts, ...difference } });
  });
}

// name, object, key that could still be read
const unreadable = [
  ["null", null, null],
  ["a number", 7, null],
  ["no metadata", {}, null],
  ["no uid", pod("metadata", { uid: undefined }), null],
  ["an empty uid", pod("metadata", { uid: "" }), null],
  ["no name", pod("metadata", { name: undefined }), "u1"],
  ["a namespace that is no text", pod("metadata", { namespace: {} }), "u1"],
] as const;

for (const [name, object, key] of unreadable) {
  test(`pods.pick() ${name}: unreadable`, () => {
    const picked = pods.pick(object);
    assert.ok("problem" in picked);
    assert.equal(picked.key, key);
  });
}

test("namespaces.pick() keeps what permits", () => {
  const annotations = {
    "iam.amazonaws.com/permitted": ".*",
    "iam.amazonaws.com/default-role": "d",
    "iam.amazonaws.com/imdsv2": "required",
    "iam.amazonaws.com/allowed-roles": "[]",
    "iam.amazonaws.com/external-id": "e",
    "iam.amazonaws.com/assume-role": "a",
    "iam.amazonaws.com/assume-with": "server",
    "iam.amazonaws.com/session-policy-arns": "p",
    "iam.amazonaws.com/session-policy": "{}",
  };
  assert.deepEqual(namespaces.pick({ metadata: { name: "shop", annotations } }), {
    key: "shop",
    item: {
      name: "shop",
      permitted: ".*",
      defaultRole: "d",
      imdsv2: "required",
      allowedRoles: "[]",
      externalId: "e",
      assumeRole: "a",
      assumeWith: "server",
      sessionPolicyArns: "p",
      sessionPolicy: "{}",
      terminating: false,
    },
  });
});

test("namespaces.pick() says that a namespace is being deleted", () => {
  const metadata = { name: "shop", deletionTimestamp: "2026-01-01T00:00:00Z" };
  const picked = namespaces.pick({ metadata });
  assert.equal("item" in picked && picked.item?.terminating, true);
});

test("serviceAccounts.pick() is known by namespace and name", () => {
  const metadata = { namespace: "shop", name: "web", annotations: null };
  assert.deepEqual(serviceAccounts.pick({ metadata }), {
    key: "shop/web",
    item: serviceAccountFacts({ name: "web" }),
  });
});

test("pick() is total", () => {
  fc.assert(fc.property(fc.anything(), (value) => {
    for (const { pick } of [pods, namespaces, serviceAccounts]) {
      pick(value);
      pick({ metadata: value, spec: value, status: value });
      pick({ metadata: { uid: "u", name: "n", namespace: "s", annotations: value } });
    }
  }));
});
