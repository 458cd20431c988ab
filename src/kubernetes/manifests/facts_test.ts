import assert from "node:assert/strict";
import { test } from "node:test";
import { readManifestText } from "./documents.ts";
import { manifestFacts } from "./facts.ts";
import { manifestObjects } from "./objects.ts";

function read(...texts: string[]) {
  const { documents, problems } = readManifestText("a.yaml", texts.join("---\n"));
  const { objects, problems: refused } = manifestObjects(documents);
  assert.deepEqual([...problems, ...refused], []);
  return manifestFacts(objects);
}

const annotated = "metadata: {annotations: {iam.amazonaws.com/role: reader}}";

// apiVersion, kind, the manifest's spec
const kinds = [
  ["apps/v1", "Deployment", `spec: {template: {${annotated}}}`],
  ["batch/v1", "Job", `spec: {template: {${annotated}}}`],
  ["batch/v1", "CronJob", `spec: {jobTemplate: {spec: {template: {${annotated}}}}}`],
  ["argoproj.io/v1alpha1", "Rollout", `spec: {template: {${annotated}, spec: {containers: []}}}`],
] as const;

for (const [apiVersion, kind, spec] of kinds) {
  test(`manifestFacts(): the pods that a ${kind} would create`, () => {
    const { cluster, unread } = read(
      `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: cart, namespace: shop}\n${spec}\n`,
    );
    const [pod] = cluster.pods;
    assert.equal(`${pod?.namespace}/${pod?.name}`, `shop/${kind.toLowerCase()}/cart`);
    assert.deepEqual([pod?.role, pod?.serviceAccount], ["reader", "default"]);
    assert.equal(cluster.namespaces.get("shop")?.permitted, null);
    assert.deepEqual(unread, []);
  });
}

test("manifestFacts(): pods, namespaces and ServiceAccounts", () => {
  const { cluster, written } = read(
    'kind: Pod\nmetadata: {name: web, annotations: {iam.amazonaws.com/role: ""}}\n',
    "kind: Namespace\nmetadata: {name: default, annotations: {iam.amazonaws.com/permitted: .*}}\n",
    "kind: ServiceAccount\nmetadata: {name: default, annotations: {iam.amazonaws.com/role: reader}}\n",
    "kind: ConfigMap\nmetadata: {name: other}\n",
  );
  assert.deepEqual(cluster.pods.map(({ role }) => role), [""]);
  assert.equal(cluster.namespaces.get("default")?.permitted, ".*");
  assert.equal(cluster.serviceAccounts.get("default/default")?.role, "reader");
  assert.deepEqual([...written], ["default"]);
});

test("manifestFacts() names pods without a name by their prefix or place", () => {
  const { cluster } = read("kind: Pod\nmetadata: {generateName: p-}\n", "kind: Pod\nspec: {}\n");
  assert.deepEqual(cluster.pods.map(({ name }) => name), [
    "p-…",
    "(no name: a.yaml: document 2, line 4)",
  ]);
});

const operator = "apiVersion: example.com/v1\nkind: App\nmetadata: {name: a, namespace: x}\n";

// what, manifest, path, whether it is only mentioned
const unread = [
  [
    "an operator's own field",
    `${operator}spec: {podMetadata: ${annotated.slice(10)}}\n`,
    "line 4",
  ],
  [
    "an operator's own annotation",
    `apiVersion: example.com/v1\nkind: App\n${annotated.replace("{a", "{name: a, a")}\n`,
    "line 3",
  ],
  [
    "a manifest in a ConfigMap",
    "kind: ConfigMap\nmetadata: {name: a}\ndata:\n  pod: |\n    iam.amazonaws.com/role: reader\n",
    "line 4",
  ],
  [
    "an argument",
    "kind: Pod\nmetadata: {name: a}\nspec: {containers: [{args: ['x.iam.amazonaws.com/role=r']}]}\n",
    "line 3",
  ],
  [
    "a key of Spark's properties",
    `${operator}spec: {sparkConf: {spark.driver.annotation.iam.amazonaws.com/role: r}}\n`,
    "line 4",
  ],
  [
    "Spark's properties as a text",
    "kind: ConfigMap\nmetadata: {name: a}\ndata:\n  s: 'spark.annotation.iam.amazonaws.com/role  r'\n",
    "line 4",
  ],
  [
    "a parameter of Helm's",
    `${operator}spec: {parameters: [{name: 'podAnnotations.iam\\.amazonaws\\.com/role', value: r}]}\n`,
    "line 4",
  ],
  [
    "a JSON patch",
    `${operator}spec: {patches: [{path: /metadata/annotations/iam.amazonaws.com~1role}]}\n`,
    "line 4",
  ],
  [
    "an unrendered template",
    'kind: Pod\nmetadata:\n  name: a\n  annotations: {iam.amazonaws.com/role: "{{ x }}"}\n',
    "line 4",
  ],
  [
    "an unset variable",
    "kind: Pod\nmetadata:\n  name: a\n  annotations: {iam.amazonaws.com/role: '${ROLE}'}\n",
    "line 4",
  ],
] as const;

for (const [what, manifest, line] of unread) {
  test(`manifestFacts() names what it can't see: ${what}`, () => {
    const found = read(manifest).unread;
    assert.equal(found.length, 1);
    assert.match(found[0]?.place ?? "", new RegExp(`${line}$`));
    assert.match(found[0]?.why ?? "", /; |, with --kubeconfig/);
  });
}

test("manifestFacts(): a program's flag that names the key alone sets no role", () => {
  const args = "['--iam-role-key=iam.amazonaws.com/role']";
  const pod = `kind: Pod\nmetadata: {name: a}\nspec: {containers: [{args: ${args}}]}\n`;
  assert.deepEqual(read(pod).unread, []);
});

test("manifestFacts(): a pod isn't known if its namespace or ServiceAccount is a template", () => {
  const pod = (role: string) => `kind: Pod\nmetadata: {name: a, annotations: {${role}}}\n`;
  const namespace =
    'kind: Namespace\nmetadata: {name: default, annotations: {iam.amazonaws.com/permitted: "{{ x }}"}}\n';
  const account =
    'kind: ServiceAccount\nmetadata: {name: default, annotations: {iam.amazonaws.com/role: "{{ x }}"}}\n';
  const own = "iam.amazonaws.com/role: reader";
  const count = (...texts: string[]) => read(...texts).unread.length;
  assert.deepEqual(
    [count(pod(own), namespace), count(pod(""), account), count(pod(own), account)],
    [1, 1, 0],
  );
});

// what, manifest, hint
const hints = [
  [
    "a Deployment's own annotation",
    `kind: Deployment\n${annotated.replace("{a", "{name: a, a")}\nspec: {template: {}}\n`,
    "put it into spec.template.metadata.annotations",
  ],
  [
    "a CronJob's job",
    `kind: CronJob\nmetadata: {name: a}\nspec: {jobTemplate: {${annotated}}}\n`,
    "put it into spec.jobTemplate.spec.template.metadata.annotations",
  ],
  [
    "a pod's label",
    "kind: Pod\nmetadata: {name: a, labels: {iam.amazonaws.com/role: x}}\n",
    "put it into metadata.annotations",
  ],
  [
    "a Service",
    `kind: Service\n${annotated.replace("{a", "{name: a, a")}\n`,
    "it is read on pods, ServiceAccounts and namespaces",
  ],
] as const;

test("manifestFacts(): an annotation of a namespace isn't recommended to pods", () => {
  const annotations = "annotations: {iam.amazonaws.com/permitted: x}";
  const { hints } = read(`apiVersion: apps/v1
kind: Deployment
metadata: {name: a, ${annotations}}
spec: {template: {}}
`);
  assert.deepEqual(hints.map(({ message }) => message), [
    "iam.amazonaws.com/permitted has no effect on a Pod; it is read on Namespaces",
  ]);
});

for (const [what, manifest, remedy] of hints) {
  test(`manifestFacts() hints at an annotation without effect: ${what}`, () => {
    const { hints, unread } = read(manifest);
    assert.equal(hints.length, 1);
    assert.equal(
      hints[0]?.message,
      `iam.amazonaws.com/role has no effect here; ${remedy}`,
    );
    assert.deepEqual(unread, []);
  });
}
