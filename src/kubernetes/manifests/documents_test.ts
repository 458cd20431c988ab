import { test } from "node:test";
import assert from "node:assert/strict";
import { readManifestText } from "./documents.ts";

function problemsOf(text: string): readonly string[] {
  return readManifestText("c.yaml", text).problems;
}

test("readManifestText() reads YAML and JSON documents and skips empty ones", () => {
  const text = [
    "# nothing here",
    "---",
    "kind: Pod",
    "metadata: { name: a }",
    "---",
    "---",
    '{ "kind": "Namespace", "metadata": { "name": "b" } }',
    "",
  ].join("\n");
  const { documents, problems } = readManifestText("c.yaml", text);
  assert.deepEqual(problems, []);
  assert.deepEqual(documents.map(({ kind }) => kind), ["Pod", "Namespace"]);
  assert.deepEqual(documents[1]?.fields.metadata, { name: "b" });
});

test("readManifestText() reads JSON indented with tabs, as some programs write it", () => {
  const text = '{\n\t"kind": "Pod",\n\t"metadata": {\n\t\t"name": "a"\n\t}\n}\n';
  const { documents, problems } = readManifestText("c.json", text);
  assert.deepEqual(problems, []);
  assert.deepEqual(documents[0]?.fields, { kind: "Pod", metadata: { name: "a" } });
});

test("readManifestText() expands lists, kubectl's and the API's", () => {
  const text = [
    "kind: List",
    "items:",
    "- kind: Pod",
    "  metadata: {name: a}",
    "- kind: PodList",
    "  items:",
    "  - kind: Pod",
    "    metadata: {name: b}",
  ].join("\n");
  const { documents, problems } = readManifestText("c.yaml", text);
  assert.deepEqual(problems, []);
  assert.deepEqual(documents.map((one) => one.place(["metadata", "name"])), [
    "c.yaml: document 1, items[0], line 4",
    "c.yaml: document 1, items[1], items[0], line 8",
  ]);
});

test("readManifestText() gives items of a typed list their kind, which the API leaves out", () => {
  const text = "kind: PodList\nitems:\n- metadata: {name: a}\n";
  const { documents, problems } = readManifestText("c.yaml", text);
  assert.deepEqual(problems, []);
  assert.deepEqual(documents.map(({ kind }) => kind), ["Pod"]);
});

test("readManifestText() follows anchors and merge keys", () => {
  const text = "kind: Pod\nmetadata:\n  labels: &l {a: b}\n  annotations: {<<: *l, c: d}\n";
  const { documents } = readManifestText("c.yaml", text);
  assert.deepEqual(documents[0]?.fields.metadata, {
    labels: { a: "b" },
    annotations: { a: "b", c: "d" },
  });
});

test("ManifestDocument.place() names the nearest line above a field that isn't there", () => {
  const { documents } = readManifestText(
    "c.yaml",
    "kind: Pod\n---\nkind: Pod\nmetadata:\n  name: a\n",
  );
  assert.equal(documents[1]?.place(["metadata", "name"]), "c.yaml: document 2, line 5");
  assert.equal(documents[1]?.place(["status", "podIP"]), "c.yaml: document 2, line 3");
});

// name, text, problem
const cases = [
  ["a text", "hello", "c.yaml: document 1, line 1: expected a Kubernetes object"],
  [
    "no kind",
    "a: 1\n---\nmetadata: {}\n",
    "c.yaml: document 2, line 3: kind is missing; expected Pod, Namespace or such",
  ],
  [
    "a key twice",
    "kind: Pod\nkind: Pod\n",
    "c.yaml: document 1, line 2: a key is there twice; keep one of them",
  ],
  [
    "a list's item that is none",
    "kind: List\nitems:\n- kind: Pod\n- 7\n",
    "c.yaml: document 1, items[1], line 4: expected a Kubernetes object",
  ],
  [
    "an alias of nothing",
    "kind: Pod\nmetadata: *gone\n",
    "c.yaml: document 1, line 2: *gone has no anchor &gone above",
  ],
  [
    "JSON that is cut off",
    '{"kind": "Pod",\n"metadata": {"name": "a"',
    "c.yaml: document 1, line 2: a bracket, quote or comma is missing; close what was opened above",
  ],
  [
    "an alias within its own anchor",
    "kind: Pod\nmetadata: &m\n  name: a\n  labels: {self: *m}\n",
    "c.yaml: document 1, line 4: *m is inside &m itself; expected an anchor that ends above",
  ],
  [
    "bytes that aren't UTF-8",
    "kind: Pod\nmetadata: {name: caf\ufffd}\n",
    "c.yaml: isn't UTF-8 text; save it as UTF-8",
  ],
] as const;

for (const [name, text, problem] of cases) {
  test(`readManifestText() refuses ${name}`, () => {
    const problems = problemsOf(text);
    assert.ok(problems.some((one) => one.startsWith(problem)), problems.join("\n"));
  });
}

test("readManifestText() refuses aliases that blow up a document", () => {
  const levels = Array.from({ length: 9 }, (_, at) => {
    const below = `*a${at - 1}`;
    return `a${at}: &a${at} [${at === 0 ? "x" : Array(9).fill(below).join(", ")}]`;
  });
  const problems = problemsOf(["kind: Pod", ...levels].join("\n"));
  assert.deepEqual(problems, [
    "c.yaml: document 1, line 1: its aliases expand to more than can be read",
  ]);
});

test("readManifestText() keeps the good documents beside a broken one", () => {
  const { documents, problems } = readManifestText("c.yaml", "kind: Pod\n---\nkind: [Pod\n");
  assert.equal(documents.length, 1);
  assert.equal(problems.length, 1);
  assert.match(problems[0] ?? "", /^c\.yaml: document 2, line \d+: /);
});
