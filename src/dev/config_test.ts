import { test } from "node:test";
import assert from "node:assert/strict";
import { parseDevConfig } from "./config.ts";

const machine = { hasIpv6: true, openFilesLimit: () => 1_000_000 };

function parsed(args: readonly string[], env: Record<string, string> = {}) {
  const result = parseDevConfig(args, env, machine);
  assert.ok(result.kind === "parsed", JSON.stringify(result));
  return result;
}

test("parseDevConfig() without flags is all embedded, on loopback", () => {
  const { settings, notices } = parsed([]);
  assert.deepEqual(notices, []);
  assert.deepEqual(settings.agent.listen, { host: "127.0.0.1", port: 8181 });
  assert.deepEqual(settings.agent.adminListen, { host: "127.0.0.1", port: 9620 });
  assert.deepEqual(settings.server.statusListen, { host: "127.0.0.1", port: 9622 });
  assert.deepEqual(settings.cluster, { kind: "manifests", paths: [] });
  assert.deepEqual([settings.sts, settings.metadataUrl], ["embedded", null]);
  assert.equal(settings.server.region, "eu-west-1");
  assert.equal(settings.agent.redirect, "none");
});

test("parseDevConfig() takes flags and variables of agent and server", () => {
  const { settings } = parsed([
    "--session-duration=15m",
    "--passthrough",
    "none",
    "--session-tags=all",
    "--cluster-name",
    "dev",
    "--listen",
    "127.0.0.1:0",
  ], { ROLECALL_ADMIN_LISTEN: "127.0.0.1:1" });
  assert.equal(settings.server.policy.sessionDurationSeconds, 900);
  assert.equal(settings.server.policy.sessionTags.length, 5);
  assert.ok(!settings.agent.passthrough("/latest/meta-data/mac"));
  assert.equal(settings.agent.listen.port, 0);
  assert.equal(settings.agent.adminListen.port, 1);
});

test("parseDevConfig() takes manifests by flag, separated by commas and as arguments", () => {
  const { settings } = parsed(["--manifests", "a,b", "c", "--manifests", "d"]);
  assert.deepEqual(settings.cluster, { kind: "manifests", paths: ["a", "b", "d", "c"] });
});

test("parseDevConfig() takes pods of a real cluster, and AWS", () => {
  const { settings } = parsed(["--kubeconfig", "k", "--as", "a/b", "--as", "c/d.e", "--aws"]);
  assert.deepEqual(settings.cluster, { kind: "kubeconfig", path: "k", as: ["a/b", "c/d.e"] });
  assert.deepEqual([settings.sts, settings.server.region], ["aws", null]);
});

test("parseDevConfig() says which flags have no effect", () => {
  const { settings, notices } = parsed(["--redirect", "iptables"], { HOST_IP: "10.0.0.1" });
  assert.deepEqual(notices, [
    "--host-ip: has no effect in dev, where agent and server are one process",
    "--redirect: has no effect in dev, where agent and server are one process",
  ]);
  assert.equal(settings.agent.redirect, "none");
});

// name, arguments, problems
const refused = [
  ["an unknown flag", ["--manifest", "x"], [/^--manifest: unknown flag; did you mean --manifests/]],
  ["a value that is none", ["--listen", "x"], [
    /^--listen: "x" is not valid; expected ADDRESS:PORT/,
  ]],
  ["--kubeconfig alone", ["--kubeconfig", "x"], [/^--as: is missing; expected NAMESPACE\/POD/]],
  ["--as alone", ["--as", "a/b"], [/^--as: "a\/b" is not valid; it needs --kubeconfig/]],
  ["a pod without namespace", ["--kubeconfig", "x", "--as", "b"], [/^--as: "b" is not valid/]],
  [
    "everything at once",
    ["--kubeconfig", "x", "m.yaml", "--aws", "--sts-endpoint", "http://x", "--session-tags=all"],
    [
      /^--session-tags: "all" is not valid; it needs --cluster-name/,
      /^--manifests: "m.yaml" is not valid; expected none with --kubeconfig/,
      /^--as: is missing/,
      /^--sts-endpoint: "http:\/\/x" is not valid; expected none with --aws/,
    ],
  ],
  ["what can't be read beside what is wrong", ["--imdsv2=x", "--aws", "--as=b"], [
    /^--imdsv2: "x" is not valid; expected one of/,
    /^--as: "b" is not valid; it needs --kubeconfig/,
    /^--as: "b" is not valid; expected NAMESPACE\/POD/,
  ]],
  ["a foreign status address", ["--status-listen", ":9622"], [/^--status-listen: .*loopback/]],
] as const;

for (const [name, args, problems] of refused) {
  test(`parseDevConfig() refuses ${name}`, () => {
    const result = parseDevConfig(args, {}, machine);
    assert.ok(result.kind === "problems");
    assert.equal(result.problems.length, problems.length, result.problems.join("\n"));
    problems.forEach((pattern, at) => assert.match(result.problems[at] ?? "", pattern));
  });
}
