/** The printed policies, evaluated as AWS does, and the requests to the servers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import { fakeRuntime } from "../../tests/fakes/runtime.ts";
import { podRow, summary } from "../../tests/fakes/summaries.ts";
import { evaluate } from "../iam/evaluate.ts";
import { parsePolicy } from "../iam/policy_document.ts";
import { runRevoke } from "./command.ts";

const url = "http://127.0.0.1:19622";
const arn = (name: string) => `arn:aws:iam::111122223333:role/${name}`;
const pod = (name: string, role: string | null, sessionName: string, more = {}) =>
  podRow({ name, uid: name, roleArn: role && arn(role), sessionName, ...more });
const pods = [
  pod("cart-0", "cart", "shop.cart"),
  pod("cart-1", "cart", "shop.cart", { node: "n2" }),
  pod("cart-2", "cart", "shop.cart", { sourceIdentity: "cart-2" }),
  pod("cart-3", "cart", "shop.cart.x"),
  pod("pay", "pay", "shop.cart"),
  pod("plain", null, "", { sessionName: null, node: "n3" }),
];
const callerArns = ["arn:aws:sts::111122223333:assumed-role/Server/i-1", "odd"];
const at = "2026-01-01T00:00:00Z";
const before = "2025-12-31T23:59:59Z";

async function run(args: readonly string[], renewed: object = { replicas: [] }, shown = pods) {
  const posted: unknown[] = [];
  const { runtime, written } = fakeRuntime({
    fetch: (requested, init) => {
      if (init?.method !== "POST") {
        const replicas = [{ replica: "server-0", problem: null }];
        return Promise.resolve(
          Response.json({ ...summary({ pods: shown, callerArns }), replicas }),
        );
      }
      posted.push([new URL(requested).pathname, JSON.parse(String(init.body))]);
      return Promise.resolve(Response.json(renewed));
    },
  });
  const code = await runRevoke(runtime, [`--server-status=${url}`, ...args]);
  return { code, text: written(), posted };
}

/** Whether a session of a pod, issued then, may still do anything. */
function isDenied(policy: unknown, of: (typeof pods)[number], issuedAt: string): boolean {
  const parsed = parsePolicy(policy, "permissions");
  assert.ok(parsed.kind === "policy", JSON.stringify(parsed));
  const context = new Map([
    ["aws:tokenissuetime", [issuedAt]],
    ["aws:userid", [`AROAEXAMPLE:${of.sessionName}`]],
    ...(of.sourceIdentity ? [["aws:sourceidentity", [of.sourceIdentity]] as const] : []),
  ]);
  const session = `arn:aws:sts::111122223333:assumed-role/r/${of.sessionName}`;
  const principal = {
    kind: "aws",
    account: "111122223333",
    arn: session,
    principalArn: of.roleArn!,
  } as const;
  const request = { action: "s3:GetObject", resource: "arn:aws:s3:::b/k", principal, context };
  return evaluate([parsed.policy], request) === "deny";
}

// subject, the pods that its policies deny, those of them that are only affected
const subjects = [
  [["pod/cart-0", "-n=shop"], ["cart-0", "cart-1", "cart-2"], ["shop/cart-1", "shop/cart-2"]],
  [["pod/shop/cart-0"], ["cart-0", "cart-1", "cart-2"], ["shop/cart-1", "shop/cart-2"]],
  [["pod/shop/cart-2"], ["cart-2"], []],
  [["pod/shop/cart-3"], ["cart-3"], []],
  [["node/n2"], ["cart-0", "cart-1", "cart-2"], ["shop/cart-0", "shop/cart-2"]],
  [[`role/${arn("pay")}`], ["pay"], []],
  [["node/n1"], ["cart-0", "cart-1", "cart-2", "cart-3", "pay"], ["shop/cart-1"]],
] as const;

for (const [args, denied, alsoAffected] of subjects) {
  test(`revoke ${args.join(" ")}: exactly those sessions, and none from now on`, async () => {
    const { code, text } = await run([...args, "-o", "json"]);
    assert.equal(code, 0, text);
    const { issuedBefore, roles } = JSON.parse(text);
    assert.equal(issuedBefore, at);
    const policyOf = new Map<string, unknown>(
      roles.map((one: { arn: string; policy: unknown }) => [one.arn, one.policy]),
    );
    const found = pods.filter((one) => {
      const policy = policyOf.get(one.roleArn ?? "");
      if (policy === undefined) return false;
      assert.equal(isDenied(policy, one, at), false);
      return isDenied(policy, one, before);
    });
    assert.deepEqual(found.map(({ name }) => name), denied);
    const others = roles.flatMap((one: { alsoAffected: string[] }) => one.alsoAffected);
    assert.deepEqual(others, alsoAffected);
  });
}

test("revoke: commands to paste, and what remains to be done", async () => {
  const { code, text, posted } = await run(["pod/shop/cart-0"]);
  assert.deepEqual([code, posted], [0, []]);
  assert.match(text, /^# Denies sessions issued before 2026-01-01T00:00:00Z\. Nothing has been ch/);
  assert.match(
    text,
    /\n# Intended for: shop\/cart-0\n# Also affected: shop\/cart-1, shop\/cart-2\n/,
  );
  const command = new RegExp(
    "\\naws iam put-role-policy --role-name cart --policy-name rolecall-revoke-20260101T000000Z " +
      "--policy-document '(.*)'\\n",
  );
  assert.equal(parsePolicy(command.exec(text)?.[1], "permissions").kind, "policy");
  assert.match(text, /until the next renewal.*; --renew replaces them\n# Restart/i);
});

test("revoke: warns of the server's own role, and of what IAM doesn't accept", async () => {
  const own = await run([`role/${arn("path/server")}`]);
  assert.match(own.text, /\n# Warning: the server runs as this role: .*\naws iam put-role-policy/);
  assert.doesNotMatch((await run(["pod/shop/cart-0"])).text, /Warning/);
  const sessions = Array.from({ length: 200 }, (_, at) => {
    return { ...pods[0]!, node: "n9", sessionName: `${at}`.padEnd(64, "x") };
  });
  const { text } = await run(["node/n9"], {}, sessions);
  assert.match(text, /# Warning: the policy has 1\d{4} characters, and IAM accepts 10240 for all/);
});

test("revoke --renew: requests the renewal of exactly these sessions", async () => {
  const replica = { replica: "server-0", renewing: 1, problem: null };
  const one = await run(["pod/shop/cart-3", "--renew"], { replicas: [replica] });
  const sessions = [{ arn: arn("cart"), sessionName: "shop.cart.x" }];
  assert.deepEqual(one.posted, [["/api/renew", { issuedBefore: at, sessions }]]);
  assert.match(one.text, /The servers renew 1 session\./);
  const silent = { replica: "10.0.0.2", renewing: 0, problem: "late" };
  const role = await run([`role/${arn("pay")}`, "--renew"], { replicas: [replica, silent] });
  const whole = [{ arn: arn("pay"), sessionName: null }];
  assert.deepEqual(role.posted, [["/api/renew", { issuedBefore: at, sessions: whole }]]);
  assert.equal(role.code, 1);
  assert.match(role.text, /replica 10\.0\.0\.2 didn't renew: late\n/);
});

test("revoke -o yaml: dates stay texts, also for readers of YAML 1.1", async () => {
  const { text } = await run(["pod/shop/cart-0", "-o=yaml"]);
  const read = parse(text, { version: "1.1" });
  assert.equal(read.issuedBefore, at);
  assert.equal(read.roles[0].policy.Version, "2012-10-17");
});

// arguments, exit code, what is written
const refusals = [
  [["pod/shop/plain"], 3, /pod shop\/plain: there is no role to revoke now; .* name role\/ARN/],
  [["node/n3"], 3, /node n3: there is no role to revoke/],
  [["pod/shop/none"], 4, /pod shop\/none: there is no such pod/],
  [["node/none"], 4, /node none: no pod runs on such a node/],
  [[], 2, /revoke: nothing to revoke; expected pod\/NAME, pod/],
  [["role/cart"], 2, /^role\/cart: is not valid; expected/],
  [["pod/"], 2, /^pod\/: is not valid/],
  [["pod/shop/cart-0", "-n=other"], 2, /^--namespace: "other" is not valid; expected shop or none/],
  [["pod/a", "pod/b"], 2, /^pod\/b: unexpected/],
  [["deploy/cart"], 2, /^deploy\/cart: is not valid/],
] as const;

for (const [args, code, text] of refusals) {
  test(`revoke ${args.join(" ")}: ${code}`, async () => {
    const result = await run(args);
    assert.match(result.text, text);
    assert.deepEqual([result.code, result.posted], [code, []]);
  });
}
