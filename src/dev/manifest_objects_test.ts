import { test } from "node:test";
import assert from "node:assert/strict";
import { readManifestText } from "../kubernetes/manifests/documents.ts";
import { manifestObjects } from "../kubernetes/manifests/objects.ts";
import { devObjects } from "./manifest_objects.ts";

function read(text: string) {
  const { documents, problems } = readManifestText("c.yaml", text);
  const { objects, problems: refused } = manifestObjects(documents);
  assert.deepEqual([...problems, ...refused], []);
  return devObjects(objects);
}

const namespace = "kind: Namespace\nmetadata: {name: default}\n---\n";

function pod(metadata: string, status: string, spec = "{}"): string {
  return `kind: Pod\nmetadata: {${metadata}}\nspec: ${spec}\nstatus: ${status}\n---\n`;
}

test("devObjects() completes a pod: namespace, UID, time and node", () => {
  const text = namespace + pod("name: a", "{podIP: 127.0.0.2}", "{nodeName: elsewhere}");
  const { pods, problems, warnings } = read(text);
  assert.deepEqual([...problems, ...warnings], []);
  const [first] = pods as [{ metadata: Record<string, string>; spec: Record<string, string> }];
  assert.equal(first.metadata.namespace, "default");
  assert.match(first.metadata.uid ?? "", /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  assert.equal(first.metadata.creationTimestamp, "2026-01-01T00:00:00Z");
  assert.equal(first.spec.nodeName, "dev-node");
  assert.deepEqual(read(text).pods, pods, "the same text, the same UID");
});

test("devObjects() keeps a given UID, and generates distinct ones", () => {
  const text = namespace + pod("name: a, uid: mine", "{podIP: 127.0.0.2}") +
    pod("name: b", "{podIP: 127.0.0.3}") + pod("name: c", "{podIP: 127.0.0.4}");
  const uids = read(text).pods.map((one) => (one.metadata as { uid: string }).uid);
  assert.equal(uids[0], "mine");
  assert.equal(new Set(uids).size, 3);
});

test("devObjects() assumes namespaces that aren't in the manifests, and says so", () => {
  const { namespaces, warnings } = read(pod("name: a, namespace: x", "{podIP: 127.0.0.2}"));
  assert.deepEqual(namespaces.map((one) => (one.metadata as { name: string }).name), ["x"]);
  assert.deepEqual(warnings, [
    "namespace x isn't in the manifests: assumed to have no annotations",
  ]);
});

test("devObjects() skips other kinds, and says so", () => {
  const { warnings } = read("kind: Deployment\nmetadata: {name: a}\n");
  assert.deepEqual(warnings, [
    "c.yaml: document 1, line 1: Deployment ignored: only Pod, Namespace and ServiceAccount are read",
  ]);
});

test("devObjects() warns of an unrendered template", () => {
  const annotations = "annotations: {iam.amazonaws.com/role: '{{ .Values.role }}'}";
  const { problems, warnings } = read(
    namespace + pod(`name: a, ${annotations}`, "{podIP: 127.0.0.2}"),
  );
  assert.deepEqual(problems, []);
  assert.match(
    warnings.join(),
    /line \d+: iam\.amazonaws\.com\/role is "\{\{ .* unrendered template; /,
  );
});

test("devObjects() warns of an address with two pods", () => {
  const text = namespace + pod("name: a", "{podIP: 127.0.0.2}") +
    pod("name: b", "{podIPs: [{ip: 127.0.0.2}]}");
  const { pods, problems, warnings } = read(text);
  assert.equal(pods.length, 2);
  assert.deepEqual(problems, []);
  assert.deepEqual(warnings, [
    "c.yaml: document 3, line 12: 127.0.0.2 is default/a's address as well: neither is answered",
  ]);
});

test("devObjects() gives a terminating pod's address to a newer pod only", () => {
  const gone = pod(
    "name: a, deletionTimestamp: '2026-01-01T00:00:00Z'",
    "{podIP: 127.0.0.2}",
  );
  const next = (metadata: string) => namespace + gone + pod(metadata, "{podIP: 127.0.0.2}");
  assert.deepEqual(read(next("name: b, creationTimestamp: '2026-02-01T00:00:00Z'")).warnings, []);
  assert.match(read(next("name: b")).warnings.join("\n"), /^c\.yaml: .+: neither is answered$/);
});

test("devObjects() names pods that have a generateName, the same after an edit", () => {
  const text = namespace + pod("generateName: p-", "{podIP: 127.0.0.2}") +
    pod("generateName: p-", "{podIP: 127.0.0.3}");
  const { pods, problems } = read(text);
  assert.deepEqual(problems, []);
  const metadata = pods.map((one) => one.metadata as { name: string; uid: string });
  assert.deepEqual(metadata.map(({ name }) => name), ["p-1", "p-2"]);
  assert.equal(new Set(metadata.map(({ uid }) => uid)).size, 2);
});

test("devObjects() takes serviceAccount for serviceAccountName", () => {
  const { pods } = read(namespace + pod("name: a", "{podIP: 127.0.0.2}", "{serviceAccount: w}"));
  assert.equal((pods[0]?.spec as { serviceAccountName: string }).serviceAccountName, "w");
});

const outside = "left out: only 127.0.0.0/8 and ::1 can be used from here";

// name, status, addresses kept, warnings
const leftOut = [
  [
    "a dual-stack pod's second address",
    "{podIP: 127.0.0.2, podIPs: [{ip: 127.0.0.2}, {ip: 'fd00::7'}]}",
    ["127.0.0.2"],
    [`c.yaml: document 2, line 7: status.podIPs[1].ip is "fd00::7": ${outside}`],
  ],
  [
    "a first address elsewhere",
    "{podIP: 10.0.0.7, podIPs: [{ip: 10.0.0.7}, {ip: 127.0.0.2}, {ip: '::1'}]}",
    ["127.0.0.2", "::1"],
    [`c.yaml: document 2, line 7: status.podIP is "10.0.0.7": ${outside}`],
  ],
  ["nothing of loopback's own IPv6 address", "{podIP: '::1'}", ["::1"], []],
  [
    "the only address, and keeps the pod",
    "{podIP: 10.0.0.7}",
    [],
    [
      `c.yaml: document 2, line 7: status.podIP is "10.0.0.7": ${outside}`,
      "c.yaml: document 2, line 7: no other address: nobody can send requests as default/a here",
    ],
  ],
  [
    "nothing where a pod has no address yet",
    "{}",
    [],
    ["c.yaml: document 2, line 7: status.podIP is missing: nobody can send requests as default/a here"],
  ],
] as const;

for (const [name, status, ips, warned] of leftOut) {
  test(`devObjects() leaves out ${name}`, () => {
    const { pods, problems, warnings } = read(namespace + pod("name: a", status));
    assert.deepEqual(problems, []);
    assert.deepEqual(warnings, warned);
    const { podIP, podIPs } = pods[0]?.status as { podIP?: string; podIPs: { ip: string }[] };
    assert.deepEqual(podIPs.map(({ ip }) => ip), ips);
    assert.equal(podIP, ips[0]);
  });
}

const expected = "expected an address such as 127.0.0.2";

// name, text, problem
const refused = [
  [
    "an address that is none",
    pod("name: a", "{podIP: 127.0.0.256}"),
    `c.yaml: document 1, line 4: status.podIP is "127.0.0.256"; ${expected}`,
  ],
  [
    "a second address that is none",
    pod("name: a", "{podIP: 127.0.0.2, podIPs: [{ip: 127.0.0.2}, 127.0.0.3]}"),
    `c.yaml: document 1, line 4: status.podIPs[1].ip is missing; ${expected}`,
  ],
  [
    "no name",
    pod("labels: {a: b}", "{podIP: 127.0.0.2}"),
    "c.yaml: document 1, line 2: metadata.name is missing; expected a name",
  ],
  [
    "a UID that two pods carry",
    pod("name: a, uid: x", "{podIP: 127.0.0.2}") + pod("name: b, uid: x", "{podIP: 127.0.0.3}"),
    'c.yaml: document 2, line 7: metadata.uid is "x"; Pod default/a has it already',
  ],
] as const;

for (const [name, text, problem] of refused) {
  test(`devObjects() refuses ${name}`, () => {
    assert.deepEqual(read(text).problems, [problem]);
  });
}

// name, status, spec
const unaddressed = [
  ["on the host's network", "{podIP: 10.0.0.7}", "{hostNetwork: true}"],
  ["that has ended", "{phase: Succeeded}", "{}"],
] as const;

for (const [name, status, spec] of unaddressed) {
  test(`devObjects() requires no address of a pod ${name}`, () => {
    const { problems, warnings } = read(namespace + pod("name: a", status, spec));
    assert.deepEqual([...problems, ...warnings], []);
  });
}
