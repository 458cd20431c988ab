import assert from "node:assert/strict";
import { test } from "node:test";
import { parseServerConfig } from "./config.ts";

test("parseServerConfig() without flags gives the defaults", () => {
  const parsed = parseServerConfig([], { POD_NAMESPACE: "here" });
  assert.ok(parsed.kind === "parsed");
  const { settings } = parsed;
  assert.deepEqual(settings.listen, { host: "::", port: 8443 });
  assert.deepEqual(settings.agentServiceAccount, { namespace: "rolecall", name: "rolecall-agent" });
  assert.equal(settings.sessionDurationSeconds, 3600);
  assert.deepEqual([settings.namespace, settings.tlsFiles, settings.roleBaseArn], [
    "here",
    null,
    null,
  ]);
  assert.deepEqual(parsed.notices, []);
});

const chain = "--assume-role-arn=arn:aws:iam::111122223333:role/hop";

// arguments, what the one problem says
const wrong: [string[], RegExp][] = [
  [["--role-base-arn=reader"], /^--role-base-arn: "reader" .*arn:PARTITION/],
  [["--assume-role-arn=reader"], /^--assume-role-arn: "reader" .*ARN/],
  [[chain, "--session-duration=2h"], /^--session-duration: "2h" .*--assume-role-arn.*1h/],
  [["--session-duration=14m"], /^--session-duration: "14m" .*15m/],
  [["--session-name={pods}"], /^--session-name: "\{pods\}" .*\{pod\}/],
  [["--session-name={cluster}"], /^--session-name: .*needs --cluster-name/],
  [["--session-tags"], /^--session-tags: .*--cluster-name/],
  [["--tls-cert=/tls.crt"], /^--tls-cert: .*--tls-key/],
  [["--tls-key=/tls.key"], /^--tls-key: .*--tls-cert/],
  [["--sts-endpoint=sts"], /^--sts-endpoint: "sts" .*URL/],
  [["--agent-service-account=agent"], /^--agent-service-account: .*NAMESPACE:NAME/],
  [["--pod-token-audience=rolecall-server"], /^--pod-token-audience: .*another audience/],
  [["--region=eu west"], /^--region: "eu west" .*eu-west-1/],
  [["--tls-secret=A B"], /^--tls-secret: "A B" .*an object's name/],
  [["--ca-configmap="], /^--ca-configmap: "" .*name/],
  [["--token-audience="], /^--token-audience: /],
  [["--status-listen=0.0.0.0:9622"], /^--status-listen: "0\.0\.0\.0:9622" .*loopback/],
  [["--status-listen=[fd00::1]:9622"], /^--status-listen: "\[fd00::1\]:9622" .*loopback/],
  [["--permitted-match=glob"], /^--permitted-match: "glob" .*arn, name/],
  [["stray"], /^stray: unexpected/],
];

for (const [args, words] of wrong) {
  test(`parseServerConfig(${args.join(" ")}) names the problem`, () => {
    const parsed = parseServerConfig(args, {});
    assert.ok(parsed.kind === "problems");
    assert.match(parsed.problems[0]!, words);
    assert.equal(parsed.problems.length, 1);
  });
}

test("parseServerConfig() tells every problem at once", () => {
  const parsed = parseServerConfig(["--listen=x", "--session-tags", "--tls-key=k", "y"], {});
  assert.equal(parsed.kind === "problems" && parsed.problems.length, 4);
});

for (const args of [["--session-name={pod}"], ["--session-tags", "--cluster-name=c"]]) {
  test(`parseServerConfig(${args.join(" ")}) says that each pod costs its own calls`, () => {
    const parsed = parseServerConfig(args, {});
    assert.match(parsed.kind === "parsed" ? parsed.notices.join() : "", /STS calls of its own/);
  });
}
