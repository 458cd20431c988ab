import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeRuntime } from "../../tests/fakes/runtime.ts";
import { runCheck } from "./command.ts";

const base = "--role-base-arn=arn:aws:iam::123456789012:role/";
const server = "--server-role=arn:aws:iam::123456789012:role/rolecall";
const arn = "arn:aws:iam::123456789012:role/shop/cart";
const tokens = "--assume-with=service-account";
const shop = `kind: Namespace
metadata: {name: shop, annotations: {iam.amazonaws.com/permitted: "arn:aws:iam::123456789012:role/shop/.*"}}
`;
const deployment = (name: string, annotations: string) =>
  `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}, namespace: shop}
spec:
  template:
    metadata: {annotations: {${annotations}}}
`;
const trusting = (condition: object = {}) => ({
  Version: "2012-10-17",
  Statement: [{
    Effect: "Allow",
    Principal: { AWS: "arn:aws:iam::123456789012:role/rolecall" },
    Action: "sts:AssumeRole",
    ...condition,
  }],
});
/** As aws iam get-role prints a role that trusts a ServiceAccount of the second of two clusters. */
function federated(subject: string, audience = "sts.amazonaws.com"): string {
  const statement = (issuer: string, sub: string) => ({
    Effect: "Allow",
    Principal: { Federated: `arn:aws:iam::123456789012:oidc-provider/${issuer}` },
    Action: "sts:AssumeRoleWithWebIdentity",
    Condition: { StringEquals: { [`${issuer}:sub`]: sub, [`${issuer}:aud`]: audience } },
  });
  const AssumeRolePolicyDocument = {
    Version: "2012-10-17",
    Statement: [statement("oidc.one", "x"), statement("oidc.two/ID", subject)],
  };
  return JSON.stringify({ Role: { Arn: arn, AssumeRolePolicyDocument } });
}
/** A policy alone that trusts a provider's tokens. */
function open(subject: object = {}): string {
  const Condition = { StringEquals: { "oidc.one:aud": "sts.amazonaws.com" }, ...subject };
  const Federated = "arn:aws:iam::123456789012:oidc-provider/oidc.one";
  const action = { Principal: { Federated }, Action: "sts:AssumeRoleWithWebIdentity" };
  return JSON.stringify({ Statement: [{ Effect: "Allow", ...action, Condition }] });
}
/** As terraform show -json prints it. */
function plan(path: string): string {
  const values = { name: "cart", path, assume_role_policy: JSON.stringify(trusting()) };
  const child_modules = [{ resources: [{ type: "aws_iam_role", values }] }];
  return JSON.stringify({ planned_values: { root_module: { child_modules } } });
}
const external = { Condition: { StringEquals: { "sts:ExternalId": "shop-id" } } };
const files = {
  "nowhere.yaml": `kind: Namespace
metadata: {name: shop, annotations: {iam.amazonaws.com/permitted: x}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart}
spec: {template: {metadata: {annotations: {iam.amazonaws.com/role: shop/cart}}}}
`,
  "good.yaml": shop + deployment("cart", "iam.amazonaws.com/role: shop/cart"),
  "denied.yaml": shop + deployment("cart", "iam.amazonaws.com/role: admin"),
  "external.yaml": shop +
    deployment("cart", "iam.amazonaws.com/role: shop/cart, iam.amazonaws.com/external-id: shop-id"),
  "elsewhere.yaml": deployment("cart", "iam.amazonaws.com/role: shop/cart"),
  "misspelt.yaml": shop + deployment("cart", "iam.amazonaws.com/roles: shop/cart"),
  "without.yaml": shop + deployment("cart", ""),
  "broken.yaml": "kind: [",
  "-": shop + deployment("cart", "iam.amazonaws.com/role: admin"),
  // As aws iam get-role prints it.
  "role.json": JSON.stringify({ Role: { Arn: arn, AssumeRolePolicyDocument: trusting() } }),
  "roles.json": JSON.stringify({
    RoleDetailList: [{
      Arn: arn,
      AssumeRolePolicyDocument: encodeURIComponent(JSON.stringify(trusting(external))),
    }],
  }),
  "plan.json": plan("/shop/"),
  "elsewhere-plan.json": plan("/"),
  "cart.json": JSON.stringify(trusting(external)),
  "basic.json": JSON.stringify(trusting()),
  "open/cart.json": open(),
  "all/cart.json": open({ StringLike: { "oidc.one:sub": "system:serviceaccount:*:*" } }),
  "one/cart.json": open({ StringLike: { "oidc.one:sub": "system:serviceaccount:shop:*" } }),
  "namespace.yaml": shop.replace("shop/.*", "("),
  "odd.json": "{}",
  "server.yaml":
    shop.replace("annotations: {", "annotations: {iam.amazonaws.com/assume-with: server, ") +
    deployment("cart", "iam.amazonaws.com/role: shop/cart"),
  "default.json": federated("system:serviceaccount:shop:default"),
  "other.json": federated("system:serviceaccount:shop:other"),
  "elsewhere.json": federated("system:serviceaccount:shop:default", "elsewhere"),
};

// arguments, exit code, what is written
const runs = [
  [["good.yaml", base], 0, /^1 pod checked: none would be denied\n$/],
  [
    ["denied.yaml", base],
    3,
    /1 would be denied\n\nWould be denied:\n {2}NotPermitted: .*\n {4}shop\/deployment\/cart \(denied\.yaml:9\)\n$/,
  ],
  [["-", base], 3, /\(standard input:9\)/],
  [["good.yaml"], 5, /1 couldn't be evaluated[^]*RoleBaseUnknown: .*; give --role-base-arn as the/],
  [["elsewhere.yaml", base], 5, /NamespaceUnknown: what namespace shop permits isn't in the/],
  [
    ["misspelt.yaml", base],
    0,
    /Notes:\n.*roles is unknown; did you mean iam\.amazonaws\.com\/role\?/,
  ],
  [["broken.yaml"], 2, /^broken\.yaml: document 1, line 1: /],
  [[], 2, /^check: no manifests; expected FILE…, FOLDER… or -\n$/],
  // Trust policies.
  [["good.yaml", base, server, "--trust=role.json"], 0, /none would be denied/],
  [["good.yaml", base, server, "--trust=plan.json"], 0, /none would be denied/],
  [
    ["good.yaml", base, server, "--trust=roles.json"],
    3,
    /RoleNotAssumable: .*without an external ID; /,
  ],
  [["good.yaml", base, server, "--trust=cart.json"], 3, /RoleNotAssumable: .*external ID; /],
  [
    ["good.yaml", base, server, "--trust=basic.json"],
    0,
    /RoleNotListed: .*role\/shop\/cart isn't among/,
  ],
  // The plan has another role of that name.
  [["good.yaml", base, server, "--trust=elsewhere-plan.json"], 0, /RoleNotListed/],
  [["external.yaml", base, server, "--trust=roles.json"], 0, /none would be denied\n$/],
  [["without.yaml", base, server, "--trust=role.json"], 0, /NoRole: has no role, though there is/],
  [
    ["good.yaml", base, server, "--trust=odd.json"],
    2,
    /--trust odd\.json: no role in it; expected/,
  ],
  [["good.yaml", base, server, "--trust=none.json"], 2, /--trust none\.json: can't be read: there/],
  [["good.yaml", base, "--trust=role.json"], 2, /--server-role: is missing/],
  [["good.yaml", base, tokens, "--trust=default.json"], 0, /none would be denied\n$/],
  [
    ["good.yaml", base, tokens, "--trust=other.json"],
    3,
    /RoleNotAssumable: .*WithWebIdentity to .*:shop:default with audience sts\.amazonaws\.com; change/,
  ],
  [["good.yaml", base, tokens, "--trust=elsewhere.json"], 3, /RoleNotAssumable/],
  [
    ["good.yaml", base, tokens, "--web-identity-audience=elsewhere", "--trust=elsewhere.json"],
    0,
    /none would be denied\n$/,
  ],
  [["good.yaml", base, tokens, "--trust=role.json"], 3, /RoleNotAssumable/],
  [["good.yaml", base, tokens, "--trust=cart.json"], 3, /RoleNotAssumable/],
  [
    ["good.yaml", base, tokens, "--trust=open/cart.json"],
    0,
    /Notes:\n {2}RoleTrustsAll: .*; add a condition on the OIDC provider's :sub\n {4}shop\/deploy/,
  ],
  [["good.yaml", base, tokens, "--trust=all/cart.json"], 0, /RoleTrustsAll/],
  [["good.yaml", base, tokens, "--trust=one/cart.json"], 0, /none would be denied\n$/],
  [["namespace.yaml", base], 0, /PermittedInvalid: .*\n {4}shop \(namespace\.yaml:2\)\n$/],
  [
    ["server.yaml", base, tokens, "--trust=role.json"],
    5,
    /ServerRoleUnknown: .*give --server-role/,
  ],
  [["server.yaml", base, tokens, server, "--trust=role.json"], 0, /none would be denied\n$/],
  [["good.yaml", "--role-base-arn=x"], 2, /--role-base-arn: "x" is not valid; expected/],
  [["good.yaml", "--context=prod"], 2, /^--context: no kubeconfig; give --kubeconfig/],
  [["nowhere.yaml", base, "-n", "shop"], 3, /NotPermitted[\s\S]*\n {4}shop\/deployment\/cart/],
  [["good.yaml", "--kubeconfig=none"], 2, /--kubeconfig none: there is no such file/],
] as const;

for (const [args, code, text] of runs) {
  test(`check ${args.join(" ")}: ${code}`, async () => {
    const { runtime, written } = fakeRuntime({ files });
    assert.equal(await runCheck(runtime, args), code, written());
    assert.match(written(), text);
  });
}

test("check --output=json and sarif say where, with the same texts", async () => {
  const outputs = await Promise.all(["json", "sarif"].map(async (output) => {
    const { runtime, written } = fakeRuntime({ files });
    assert.equal(await runCheck(runtime, ["denied.yaml", base, `--output=${output}`]), 3);
    return JSON.parse(written());
  }));
  const [json, sarif] = outputs;
  const [finding] = json.findings;
  assert.deepEqual([finding.level, finding.reason], ["denied", "NotPermitted"]);
  assert.deepEqual(finding.position, { file: "denied.yaml", line: 9 });
  const [result] = sarif.runs[0].results;
  assert.deepEqual(sarif.runs[0].tool.driver.rules, [{ id: "NotPermitted" }]);
  assert.deepEqual([result.ruleId, result.level], ["NotPermitted", "error"]);
  assert.equal(result.message.text, `shop/deployment/cart: ${finding.message}`);
  assert.deepEqual(result.locations[0].physicalLocation, {
    artifactLocation: { uri: "denied.yaml" },
    region: { startLine: 9 },
  });
});

const kubeconfig = JSON.stringify({
  "current-context": "other",
  contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
  clusters: [{ name: "c", cluster: { server: "https://api:6443" } }],
  users: [{ name: "u", user: {} }],
});

// arguments, exit code, what is wrong
const failures = [
  [["broken.yaml"], 2, /^broken\.yaml: document 1, line 1: /],
  [["good.yaml", "--role-base-arn=x"], 2, /^--role-base-arn: "x" is not valid/],
  [["good.yaml", "--kubeconfig=none"], 2, /^--kubeconfig none: there is no such file/],
  [["good.yaml", "--kubeconfig=config", "--context=c"], 1, /^check: /],
] as const;

for (const [args, code, problem] of failures) {
  test(`check --output=sarif ${args.join(" ")}: a file without results that says why`, async () => {
    const { runtime, written } = fakeRuntime({ files: { ...files, config: kubeconfig } });
    assert.equal(await runCheck(runtime, [...args, "-o", "sarif"]), code);
    const [, sarif = "", line = ""] = /^(\{[^]*\n\}\n)(.+\n)$/.exec(written()) ?? [];
    assert.match(line, problem);
    const [run] = JSON.parse(sarif).runs;
    assert.deepEqual([run.tool.driver.name, run.results], ["rolecall", []]);
    const message = { text: line.trimEnd() };
    assert.deepEqual(run.invocations, [{
      executionSuccessful: false,
      toolExecutionNotifications: [{ level: "error", message }],
    }]);
  });
}

test("check --kubeconfig takes what a namespace permits from the cluster", async () => {
  const namespace = {
    metadata: { name: "shop", annotations: { "iam.amazonaws.com/permitted": ".*" } },
  };
  const { runtime, written } = fakeRuntime({
    files: { ...files, config: kubeconfig },
    fetch: (url) => {
      const items = new URL(url).pathname.endsWith("/namespaces") ? [namespace] : [];
      return Promise.resolve(Response.json({ metadata: { resourceVersion: "1" }, items }));
    },
  });
  assert.equal(
    await runCheck(runtime, ["elsewhere.yaml", base, "--kubeconfig=config", "--context=c"]),
    0,
    written(),
  );
});
