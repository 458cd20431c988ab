import assert from "node:assert/strict";
import { test } from "node:test";
import { parseServerConfig } from "./config.ts";

test("parseServerConfig() without flags gives the defaults", () => {
  const parsed = parseServerConfig([], { POD_NAMESPACE: "here" });
  assert.ok(parsed.kind === "parsed");
  const { settings } = parsed;
  assert.deepEqual(settings.listen, { host: "::", port: 8443 });
  assert.deepEqual(settings.agentServiceAccount, { namespace: "rolecall", name: "rolecall-agent" });
  assert.equal(settings.policy.sessionDurationSeconds, 3600);
  assert.deepEqual([settings.namespace, settings.tlsFiles, settings.policy.roleBaseArn], [
    "here",
    null,
    null,
  ]);
  assert.deepEqual(parsed.notices, []);
});

const fiftyOne = Array.from({ length: 51 }, (_, at) => `--session-tag=k${at}=v`);
const chain = "--assume-role-arn=arn:aws:iam::111122223333:role/hop";

// arguments, what the one problem says
const wrong: [string[], RegExp][] = [
  [["--role-base-arn=reader"], /^--role-base-arn: "reader" .*arn:PARTITION/],
  [["--assume-role-arn=reader"], /^--assume-role-arn: "reader" .*ARN/],
  [[chain, "--session-duration=2h"], /^--session-duration: "2h" .*--assume-role-arn.*1h/],
  [["--session-duration=14m"], /^--session-duration: "14m" .*15m/],
  [["--session-name={pods}"], /^--session-name: "\{pods\}" .*\{pod\}/],
  [["--session-name={cluster}"], /^--session-name: .*needs --cluster-name/],
  [["--session-tags=all"], /^--session-tags: "all" .*--cluster-name/],
  [
    ["--session-tags=true"],
    /^--session-tags: "true" .*all, off, or a list of kubernetes-namespace/,
  ],
  [["--session-tag=team"], /^--session-tag: .*"team" is not KEY=TEMPLATE/],
  [["--session-tag=aws:x=y"], /^--session-tag: .*keys with aws: are reserved/],
  [[`--session-tag=${"k".repeat(129)}=v`], /^--session-tag: .*a key has 1 to 128 characters/],
  [["--session-tag=a=x", "--session-tag=A=y"], /^--session-tag: .*"a" twice/],
  [["--session-tag=a={uid}x"], /^--session-tag: .*has \{uid\}; valid placeholders:/],
  [["--session-tag=a=b!"], /^--session-tag: .*a character that STS doesn't accept/],
  [fiftyOne, /^--session-tag: .*it has 51 tags, and STS accepts 50/],
  [["--transitive-tags=team"], /^--transitive-tags: .*"team" is not among the session tags/],
  [["--source-identity={x}"], /^--source-identity: .*valid placeholders:/],
  [["--source-identity={namespace}/x"], /^--source-identity: .*STS doesn't accept/],
  [
    ["--external-id={namespace}/{pod}"],
    /^--external-id: .*has \{pod\}; valid placeholders: \{cluster\}/,
  ],
  [["--external-id={namespace} x"], /^--external-id: .*STS doesn't accept/],
  [["--external-id={namespace}{serviceAccount}"], /^--external-id: .*one of \/:,=@\+_ between/],
  [["--external-id={namespace}-{serviceAccount}"], /^--external-id: .*one of \/:,=@\+_ between/],
  [["--external-id={serviceAccount}"], /^--external-id: .*lacks \{namespace\}/],
  [["--external-id={cluster}/{namespace}"], /^--external-id: .*needs --cluster-name/],
  [
    ["--external-id={cluster}/{namespace}", "--cluster-name=a/b"],
    /^--external-id: .*separates by \//,
  ],
  [
    ["--external-id={cluster}/{namespace}", "--cluster-name=a b"],
    /^--external-id: .*--cluster-name/,
  ],
  [[`--external-id=${"x".repeat(1200)}/{namespace}`], /^--external-id: .*longer than 1224/],
  [["--assume-with=pod"], /^--assume-with: "pod" .*server, service-account/],
  [["--assume-with=service-account", "--external-id={namespace}"], /can't carry --external-id/],
  [["--assume-with=service-account", "--session-tag=a=b"], /can't carry --session-tag/],
  [
    ["--assume-with=service-account", "--session-tags=kubernetes-namespace"],
    /carry --session-tags/,
  ],
  [["--assume-with=service-account", "--source-identity=x{pod}"], /can't carry --source-identity/],
  [["--assume-with=service-account", chain], /^--assume-role-arn: .*assumes nothing itself/],
  [["--external-id-permitted=acme/.*"], /^--external-id-permitted: .*lacks \{namespace\}/],
  [["--external-id-permitted=({namespace}"], /^--external-id-permitted: .*is not RE2 syntax/],
  [["--external-id-permitted={namespace}.*"], /^--external-id-permitted: .*shop-2/],
  [["--assume-role-permitted=.*-{namespace}"], /^--assume-role-permitted: .*shop-2/],
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

test("parseServerConfig() lists all problems at once", () => {
  const parsed = parseServerConfig(["--listen=x", "--session-tags=x", "--tls-key=k", "y"], {});
  assert.equal(parsed.kind === "problems" && parsed.problems.length, 4);
});

// arguments, what the notices say
const noticed: [string[], RegExp][] = [
  [["--session-name={pod}"], /^--session-name names the pod: .*STS calls of its own$/],
  [["--session-tags=all", "--cluster-name=c"], /^session tag kubernetes-pod-name names the pod/],
  [["--session-tags=kubernetes-pod-uid"], /^session tag kubernetes-pod-uid names the pod/],
  [["--source-identity={pod}"], /^--source-identity names the pod/],
  [["--session-tag=id={namespace}-{serviceAccount}"], /^session tag id is ambiguous/],
  [["--source-identity={namespace}{serviceAccount}"], /^--source-identity is ambiguous/],
  [
    [
      "--session-tags=kubernetes-namespace,kubernetes-service-account",
      "--source-identity={namespace}.{serviceAccount}",
      "--session-tag=id={namespace}/{serviceAccount}",
      "--transitive-tags=kubernetes-namespace,id",
    ],
    /^$/,
  ],
];

for (const [args, words] of noticed) {
  test(`parseServerConfig(${args.join(" ")}) warns: ${words}`, () => {
    const parsed = parseServerConfig(args, {});
    assert.match(parsed.kind === "parsed" ? parsed.notices.join() : "not parsed", words);
  });
}

test("parseServerConfig() gives the policy its templates and expressions", () => {
  const parsed = parseServerConfig([
    "--cluster-name=prod",
    "--session-tags=eks-cluster-name,kubernetes-namespace",
    "--session-tag=path={namespace}/{serviceAccount},team=x=y",
    "--transitive-tags=team",
    "--source-identity={namespace}",
    "--external-id={cluster}/{namespace}/{serviceAccount}",
    "--external-id-permitted=acme:{namespace}(/.*)?",
    "--assume-role-permitted=arn:aws:iam::\\d{12}:role/trust-{namespace}",
  ], {});
  assert.ok(parsed.kind === "parsed", JSON.stringify(parsed));
  const { policy } = parsed.settings;
  assert.deepEqual(policy.sessionTags.map(({ key, template }) => `${key} ${template}`), [
    "kubernetes-namespace {namespace}",
    "eks-cluster-name {cluster}",
    "path {namespace}/{serviceAccount}",
    "team x=y",
  ]);
  assert.deepEqual(policy.transitiveTagKeys, ["team"]);
  assert.equal(policy.sourceIdentityTemplate, "{namespace}");
  assert.equal(policy.externalIdTemplate, "{cluster}/{namespace}/{serviceAccount}");
  assert.equal(policy.externalIdPermitted, "acme:{namespace}(/.*)?");
});
