import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeFiles } from "../../../tests/fakes/runtime.ts";
import { readManifests } from "./read_manifests.ts";

const pod = (name: string) => `kind: Pod\nmetadata: {name: ${name}}\n`;
const files = {
  "a.yaml": pod("a"),
  "-": pod("piped"),
  "k8s/b.yaml": pod("b"),
  "k8s/c.json": '{"kind":"Pod","metadata":{"name":"c"}}{"kind":"Pod","metadata":{"name":"d"}}',
  "k8s/blank.yml": "# nothing\n",
  "k8s/notes.md": "# notes",
  "k8s/deeper/e.yaml": pod("e"),
  "empty.yaml": "# nothing\n---\n",
  "wide.yaml": "k\0i\0n\0d\0",
  "text/notes.md": "# notes",
};

async function read(...paths: string[]) {
  const { objects, problems } = await readManifests(paths, fakeFiles(files));
  return problems.length > 0 ? problems : objects.map(({ name }) => name);
}

test("readManifests() takes files, folders as kubectl does, and standard input", async () => {
  assert.deepEqual(await read("a.yaml", "-"), ["a", "piped"]);
  assert.deepEqual(await read("k8s"), ["b", "c", "d"]);
  assert.deepEqual(await read("k8s/"), ["b", "c", "d"]);
});

test("readManifests() returns the files it read, and folders to watch for new ones", async () => {
  const { files: found } = await readManifests(["k8s", "a.yaml"], fakeFiles(files));
  assert.deepEqual(found, ["k8s/.", "k8s/b.yaml", "k8s/blank.yml", "k8s/c.json", "a.yaml"]);
});

const remedy = "name a manifest, a folder of manifests, or - for standard input";

// path, problem
const refused = [
  ["none.yaml", `none.yaml: can't be read: there is no such file; ${remedy}`],
  ["text", "text: no manifests in *.yaml, *.yml and *.json of this folder"],
  ["empty.yaml", "empty.yaml: no document in it; expected Kubernetes manifests, YAML or JSON"],
  ["wide.yaml", "wide.yaml: isn't UTF-8 text; save it as UTF-8"],
] as const;

for (const [path, problem] of refused) {
  test(`readManifests() refuses ${path}`, async () => {
    assert.deepEqual(await read("a.yaml", path), [problem]);
  });
}

test("readManifests() reports an object that is in two files", async () => {
  const [problem] = await read("a.yaml", "k8s/b.yaml", "k8s");
  assert.match(problem ?? "", /^k8s\/b\.yaml: document 1, line 1: Pod default\/b is there already/);
});
