import { test } from "node:test";
import assert from "node:assert/strict";
import { serviceAccountFacts } from "../../tests/fakes/facts.ts";
import { flushPromises } from "../../tests/fakes/manual_clock.ts";
import { fakeFiles } from "../../tests/fakes/runtime.ts";
import { type DevReading, followManifests, readCluster } from "./manifests.ts";

const pod = (name: string, ip: string, role = "reader") =>
  `kind: Pod\nmetadata: {name: ${name}, namespace: x, annotations: {iam.amazonaws.com/role: ${role}}}\n` +
  `spec: {serviceAccountName: sa}\nstatus: {podIP: ${ip}}\n`;
const namespace =
  "kind: Namespace\nmetadata: {name: x, annotations: {iam.amazonaws.com/permitted: '.*'}}\n";
const account =
  "kind: ServiceAccount\nmetadata: {name: sa, namespace: x, annotations: {iam.amazonaws.com/role: writer}}\n";

test("readCluster() gives the facts of all files together", async () => {
  const contents = { a: pod("one", "127.0.0.2"), b: [namespace, account].join("---\n") };
  const reading = await readCluster(["a", "b"], fakeFiles(contents));
  assert.ok(reading.kind === "read", JSON.stringify(reading));
  const { pods, namespaces, serviceAccounts, warnings } = reading.cluster;
  assert.deepEqual(warnings, []);
  assert.deepEqual(namespaces.map(({ name, permitted }) => [name, permitted]), [["x", ".*"]]);
  assert.deepEqual(serviceAccounts, [
    serviceAccountFacts({ namespace: "x", name: "sa", role: "writer" }),
  ]);
  const [first] = pods;
  assert.equal(first?.nodeName, "dev-node");
  assert.deepEqual(first?.ips, ["127.0.0.2"]);
  assert.deepEqual([first?.namespace, first?.name, first?.serviceAccount], ["x", "one", "sa"]);
  assert.equal(first?.role, "reader");
});

test("readCluster() is all or nothing, and names every problem", async () => {
  const contents = { a: pod("one", "127.0.0.2"), b: "kind: [Pod\n", c: pod("two", "127.0.0.256") };
  const reading = await readCluster(["a", "b", "c", "d"], fakeFiles(contents));
  assert.ok(reading.kind === "problems");
  assert.deepEqual(reading.problems.map((problem) => problem.slice(0, 2)), ["b:", "d:", "c:"]);
  assert.match(reading.problems[1]!, /^d: can't be read: there is no such file; name a manifest/);
});

test("followManifests() reads again on each change until it is stopped", async () => {
  const contents: Record<string, string> = { a: pod("one", "127.0.0.2") };
  const watched = new Map<string, () => void>();
  const readings: DevReading[] = [];
  const stop = followManifests({
    paths: ["a"],
    files: ["a"],
    source: fakeFiles(contents),
    watchFile: (path, changed) => {
      watched.set(path, changed);
      return () => watched.delete(path);
    },
    read: (reading) => readings.push(reading),
  });
  assert.equal(readings.length, 0, "the first reading is the caller's");
  contents.a = pod("two", "127.0.0.2");
  watched.get("a")?.();
  await flushPromises();
  contents.a = "kind: [";
  watched.get("a")?.();
  await flushPromises();
  assert.deepEqual(readings.map(({ kind }) => kind), ["read", "problems"]);
  watched.get("a")?.();
  stop();
  await flushPromises();
  assert.equal(readings.length, 2);
  assert.equal(watched.size, 0);
});

test("followManifests() watches a file that is added to a folder", async () => {
  const contents: Record<string, string> = { "k8s/a.yaml": pod("one", "127.0.0.2") };
  const watched = new Map<string, () => void>();
  const readings: DevReading[] = [];
  const { files } = await readCluster(["k8s"], fakeFiles(contents));
  followManifests({
    paths: ["k8s"],
    files,
    source: fakeFiles(contents),
    watchFile: (path, changed) => {
      watched.set(path, changed);
      return () => watched.delete(path);
    },
    read: (reading) => readings.push(reading),
  });
  contents["k8s/b.yaml"] = "kind: [";
  watched.get("k8s/.")?.();
  await flushPromises();
  assert.deepEqual([...watched.keys()], ["k8s/.", "k8s/a.yaml", "k8s/b.yaml"]);
  contents["k8s/b.yaml"] = pod("two", "127.0.0.3");
  watched.get("k8s/b.yaml")?.();
  await flushPromises();
  assert.deepEqual(readings.map(({ kind }) => kind), ["problems", "read"]);
});
