import { test } from "node:test";
import assert from "node:assert/strict";
import { settled } from "../../tests/fakes/manual_clock.ts";
import { followManifests, type ManifestReading, readManifests } from "./manifests.ts";

const pod = (name: string, ip: string, role = "reader") =>
  `kind: Pod\nmetadata: {name: ${name}, namespace: x, annotations: {iam.amazonaws.com/role: ${role}}}\n` +
  `spec: {serviceAccountName: sa}\nstatus: {podIP: ${ip}}\n`;
const namespace =
  "kind: Namespace\nmetadata: {name: x, annotations: {iam.amazonaws.com/permitted: '.*'}}\n";
const account =
  "kind: ServiceAccount\nmetadata: {name: sa, namespace: x, annotations: {iam.amazonaws.com/role: y}}\n";

function files(contents: Record<string, string>) {
  return (path: string) => {
    const text = contents[path];
    return text === undefined ? Promise.reject(new Error("no such file")) : Promise.resolve(text);
  };
}

test("readManifests() gives the facts of all files together", async () => {
  const contents = { a: pod("one", "127.0.0.2"), b: [namespace, account].join("---\n") };
  const reading = await readManifests(["a", "b"], files(contents));
  assert.ok(reading.kind === "read", JSON.stringify(reading));
  const { pods, namespaces, serviceAccounts, warnings } = reading.cluster;
  assert.deepEqual(warnings, []);
  assert.deepEqual(namespaces.map(({ name, permitted }) => [name, permitted]), [["x", ".*"]]);
  assert.deepEqual(serviceAccounts, [{ namespace: "x", name: "sa", role: "y" }]);
  const [first] = pods;
  assert.equal(first?.nodeName, "dev-node");
  assert.deepEqual(first?.ips, ["127.0.0.2"]);
  assert.deepEqual([first?.namespace, first?.name, first?.serviceAccount], ["x", "one", "sa"]);
  assert.equal(first?.role, "reader");
});

test("readManifests() is all or nothing, and names every problem", async () => {
  const contents = { a: pod("one", "127.0.0.2"), b: "kind: [Pod\n", c: pod("two", "127.0.0.256") };
  const reading = await readManifests(["a", "b", "c", "d"], files(contents));
  assert.ok(reading.kind === "problems");
  assert.deepEqual(reading.problems.map((problem) => problem.slice(0, 2)), ["b:", "d:", "c:"]);
  assert.ok(reading.problems.includes("d: can't be read: no such file"));
});

test("followManifests() reads again on each change until it is stopped", async () => {
  const contents: Record<string, string> = { a: pod("one", "127.0.0.2") };
  const watched = new Map<string, () => void>();
  const readings: ManifestReading[] = [];
  const stop = followManifests({
    paths: ["a"],
    readTextFile: files(contents),
    watchFile: (path, changed) => {
      watched.set(path, changed);
      return () => watched.delete(path);
    },
    read: (reading) => readings.push(reading),
  });
  assert.equal(readings.length, 0, "the first reading is the caller's");
  contents.a = pod("two", "127.0.0.2");
  watched.get("a")?.();
  await settled();
  contents.a = "kind: [";
  watched.get("a")?.();
  await settled();
  assert.deepEqual(readings.map(({ kind }) => kind), ["read", "problems"]);
  watched.get("a")?.();
  stop();
  await settled();
  assert.equal(readings.length, 2);
  assert.equal(watched.size, 0);
});
