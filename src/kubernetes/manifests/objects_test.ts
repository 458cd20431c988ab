import assert from "node:assert/strict";
import { test } from "node:test";
import { readManifestText } from "./documents.ts";
import { manifestObjects } from "./objects.ts";

function read(text: string) {
  const { documents, problems } = readManifestText("c.yaml", text);
  assert.deepEqual(problems, []);
  return manifestObjects(documents);
}

const pod = (metadata: string, spec = "{}", status = "{}") =>
  `kind: Pod\nmetadata: {${metadata}}\nspec: ${spec}\nstatus: ${status}\n---\n`;
const annotated = (annotations: string) => pod(`name: a, annotations: {${annotations}}`);
const role = "annotation iam.amazonaws.com/role is";
const text = "expected a text; put it in quotes";

// what, text, problem
const refused = [
  ["a number", annotated("iam.amazonaws.com/role: 0123"), `line 2: ${role} 0123; ${text}`],
  ["a YAML 1.1 boolean", annotated("iam.amazonaws.com/role: on"), `line 2: ${role} on; ${text}`],
  ["nothing", annotated("iam.amazonaws.com/role:"), `line 2: ${role} empty; ${text}`],
  [
    "a list",
    annotated("iam.amazonaws.com/role: [a]"),
    `line 2: ${role} [a]; ${text}`,
  ],
  ["another key's number", annotated("a/b: 8"), `line 2: annotation a/b is 8; ${text}`],
  [
    "a number in a CronJob's job",
    "kind: CronJob\nmetadata: {name: a}\nspec:\n  jobTemplate:\n    metadata:\n" +
    "      annotations:\n        iam.amazonaws.com/role: 8\n",
    `line 7: ${role} 8; ${text}`,
  ],
  [
    "a number in an operator's own field",
    "apiVersion: example.com/v1\nkind: App\nspec: {driver: {annotations: {iam.amazonaws.com/role: 8}}}\n",
    `line 3: ${role} 8; ${text}`,
  ],
  [
    "a kind in small letters",
    "apiVersion: v1\nkind: pod\nmetadata: {name: a}\n",
    "line 2: apiVersion v1 has no kind pod; expected kind: Pod with apiVersion: v1",
  ],
  [
    "a list in small letters",
    "apiVersion: v1\nkind: list\nitems: []\n",
    "line 2: apiVersion v1 has no kind list; expected kind: List with apiVersion: v1",
  ],
  [
    "a kind of another group",
    "apiVersion: v1\nkind: Deployment\nmetadata: {name: a}\n",
    "line 2: apiVersion v1 has no kind Deployment; expected kind: Deployment with apiVersion: apps/v1",
  ],
  [
    "annotations that are a text",
    pod("name: a, annotations: x"),
    'line 2: metadata.annotations is "x"; expected fields',
  ],
  ["a name that is a number", pod("name: 8"), `line 2: metadata.name is 8; ${text}`],
  [
    "a ServiceAccount's name that is a number",
    pod("name: a", "{serviceAccountName: 8}"),
    `line 3: spec.serviceAccountName is 8; ${text}`,
  ],
  [
    "the old name of it",
    "kind: Job\nmetadata: {name: a}\nspec: {template: {spec: {serviceAccount: 8}}}\n",
    `line 3: spec.template.spec.serviceAccount is 8; ${text}`,
  ],
  [
    "a switch that is a text",
    pod("name: a", "{hostNetwork: 'no'}"),
    'line 3: spec.hostNetwork is "no"; expected true or false',
  ],
  [
    "addresses that are no list",
    pod("name: a", "{}", "{podIPs: 127.0.0.2}"),
    'line 4: status.podIPs is "127.0.0.2"; expected a list',
  ],
  [
    "a Namespace without a name",
    "kind: Namespace\nmetadata: {}\n",
    "line 2: metadata.name is missing; expected a name",
  ],
] as const;

for (const [what, manifest, problem] of refused) {
  test(`manifestObjects() refuses ${what}`, () => {
    assert.deepEqual(read(manifest).problems, [`c.yaml: document 1, ${problem}`]);
  });
}

test("manifestObjects() refuses a duplicate object, in either order", () => {
  const a = "kind: Namespace\nmetadata: {name: a, annotations: {x: z}}\n---\n";
  const b = "kind: Namespace\nmetadata: {name: a}\n---\n";
  for (const both of [a + b, b + a]) {
    assert.deepEqual(read(both).problems, [
      "c.yaml: document 2, line 4: Namespace a is there already; remove one: c.yaml: document 1, line 1",
    ]);
  }
  assert.deepEqual(read(pod("name: a") + pod("name: a, namespace: b")).problems, []);
  assert.deepEqual(read(pod("generateName: a-") + pod("generateName: a-")).problems, []);
});

test("manifestObjects() fills in what the API server does: namespace, old names", () => {
  const { objects } = read(
    pod("generateName: a-", "{serviceAccount: old}") +
      pod("name: b, namespace: x", "{serviceAccountName: new, serviceAccount: old}"),
  );
  assert.deepEqual(
    objects.map(({ name, generateName, namespace, templates: [template] }) => [
      name,
      generateName,
      namespace,
      (template?.fields.spec as { serviceAccountName: string }).serviceAccountName,
    ]),
    [[null, "a-", "default", "old"], ["b", "", "x", "new"]],
  );
});

const template = "{metadata: {annotations: {a: b}}, spec: {containers: []}}";

// apiVersion and kind, the rest, paths of the templates
const kinds = [
  ["apps/v1", "Deployment", "spec: {template: {}}", ["spec.template"]],
  ["extensions/v1beta1", "Deployment", "spec: {template: {}}", ["spec.template"]],
  ["batch/v1", "CronJob", "spec: {}", ["spec.jobTemplate.spec.template"]],
  ["v1", "Service", "spec: {}", []],
  ["argoproj.io/v1alpha1", "Rollout", `spec: {template: ${template}}`, ["spec.template"]],
  ["batch.volcano.sh/v1", "Job", `spec: {tasks: [{template: ${template}}]}`, [
    "spec.tasks.0.template",
  ]],
  ["serving.knative.dev/v1", "Service", `spec: {template: ${template}}`, ["spec.template"]],
  [
    "kubeflow.org/v1",
    "PyTorchJob",
    `spec: {pytorchReplicaSpecs: {Master: {template: ${template}}, Worker: {template: ${template}}}}`,
    ["spec.pytorchReplicaSpecs.Master.template", "spec.pytorchReplicaSpecs.Worker.template"],
  ],
  ["example.com/v1", "App", "spec: {containers: []}", []],
] as const;

for (const [apiVersion, kind, rest, paths] of kinds) {
  test(`manifestObjects(): the pods of a ${kind} of ${apiVersion}`, () => {
    const { objects } = read(
      `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: a}\n${rest}\n`,
    );
    assert.deepEqual(objects[0]?.templates.map(({ path }) => path.join(".")), paths);
  });
}
