import assert from "node:assert/strict";
import { test } from "node:test";
import { manifestFacts } from "./manifest_facts.ts";

const annotated = "metadata: {annotations: {iam.amazonaws.com/role: reader}}";

// kind, the manifest's spec
const kinds = [
  ["Deployment", `spec: {template: {${annotated}}}`],
  ["StatefulSet", `spec: {template: {${annotated}}}`],
  ["DaemonSet", `spec: {template: {${annotated}}}`],
  ["Job", `spec: {template: {${annotated}}}`],
  ["CronJob", `spec: {jobTemplate: {spec: {template: {${annotated}}}}}`],
] as const;

for (const [kind, spec] of kinds) {
  test(`manifestFacts(): the pods that a ${kind} would make`, () => {
    const text = `kind: ${kind}\nmetadata: {name: cart, namespace: shop}\n${spec}\n`;
    const read = manifestFacts([["a.yaml", text]]);
    assert.ok(read.kind === "read");
    const [pod] = read.cluster.pods;
    assert.equal(`${pod?.namespace}/${pod?.name}`, `shop/${kind.toLowerCase()}/cart`);
    assert.deepEqual([pod?.role, pod?.serviceAccount], ["reader", "default"]);
    assert.equal(read.cluster.namespaces.get("shop")?.permitted, null);
  });
}

test("manifestFacts(): pods, namespaces and ServiceAccounts of several files; the rest passed over", () => {
  const read = manifestFacts([
    ["a.yaml", 'kind: Pod\nmetadata: {name: web, annotations: {iam.amazonaws.com/role: ""}}\n'],
    [
      "b.yaml",
      `kind: Namespace
metadata: {name: default, annotations: {iam.amazonaws.com/permitted: .*}}
---
kind: ServiceAccount
metadata: {name: default, annotations: {iam.amazonaws.com/role: reader}}
---
kind: ConfigMap
metadata: {name: other}
`,
    ],
  ]);
  assert.ok(read.kind === "read");
  assert.deepEqual(read.cluster.pods.map(({ role }) => role), [""]);
  assert.equal(read.cluster.namespaces.get("default")?.permitted, ".*");
  assert.equal(read.cluster.serviceAccounts.get("default/default")?.role, "reader");
});

test("manifestFacts(): every broken document is named", () => {
  const read = manifestFacts([["a.yaml", "kind: ["], ["b.yaml", "- 1\n"]]);
  assert.ok(read.kind === "problems");
  assert.match(read.problems.join("\n"), /a\.yaml[\s\S]*b\.yaml/);
});
