import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeRuntime } from "../../tests/fakes/runtime.ts";
import { podRow, summary } from "../../tests/fakes/summaries.ts";
import type { HttpClient } from "../runtime/http/types.ts";
import { aborted } from "../time/pause.ts";
import { runExplain } from "./command.ts";

const url = "http://127.0.0.1:19622";
const kubeconfig = JSON.stringify({
  "current-context": "c",
  contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
  clusters: [{ name: "c", cluster: { server: "https://api:6443" } }],
  users: [{ name: "u", user: {} }],
});
const base = "--role-base-arn=arn:aws:iam::111122223333:role/";
const role = { "iam.amazonaws.com/role": "reader" };
const permitted = { "iam.amazonaws.com/permitted": "arn:.*" };

function explanation(outcome: string, remedy: string | null = null) {
  const found = { step: "pod", state: "ok", found: "on node n1" };
  const failed = { step: "role", state: outcome === "credentials" ? "ok" : "failed", found: "why" };
  const steps = [found, failed];
  const reason = remedy === null ? null : "NotPermitted";
  return { namespace: "shop", pod: "web", outcome, reason, message: null, remedy, steps };
}

function pod(name: string, annotations: object) {
  return { metadata: { uid: name, namespace: "shop", name, annotations }, spec: {}, status: {} };
}

function isAuthorized(init: Parameters<HttpClient["fetch"]>[1]): boolean {
  return init?.headers?.["authorization"] === "Bearer secret";
}

/** Answers by URL; anything else is 404. */
function serving(answers: Readonly<Record<string, unknown>>): HttpClient["fetch"] {
  return (requested, init) => {
    const { origin, pathname } = new URL(requested);
    const answer = pathname === "/api/pods/shop/closed" && !isAuthorized(init)
      ? new Response("no bearer token; run: kubectl create token --audience=x\n", { status: 401 })
      : answers[origin + pathname];
    if (answer instanceof Response) return Promise.resolve(answer.clone());
    if (answer !== undefined) return Promise.resolve(Response.json(answer));
    const known = Object.keys(answers).some((one) => new URL(one).origin === origin);
    if (!known) return Promise.reject(new Error("connection refused"));
    return Promise.resolve(new Response("no such pod\n", { status: 404 }));
  };
}

const api = "https://api:6443/api/v1";
const list = (items: unknown[]) => ({ metadata: { resourceVersion: "1" }, items });
const namespace = { metadata: { name: "shop", annotations: permitted } };
const server = {
  [`${url}/api/pods/shop/good`]: explanation("credentials"),
  [`${url}/api/pods/shop/closed`]: explanation("credentials"),
  [`${url}/api/pods/shop/bad`]: explanation("denied", "change it"),
  [`${url}/api/pods/shop/none`]: explanation("none", "annotate it"),
  [`${url}/api/pods/shop/soon`]: explanation("waiting", "ask again"),
  [`${url}/api/pods/shop/early`]: new Response("not listed yet: pods\n", { status: 503 }),
  [`${url}/api/pods/shop/odd`]: { hello: 1 },
};
const cluster = {
  [`${api}/namespaces/shop/pods/web`]: pod("web", role),
  [`${api}/namespaces/shop/pods/odd`]: pod("odd", { "iam.amazonaws.com/role": "a b" }),
  [`${api}/namespaces/shop`]: namespace,
  [`${api}/namespaces/shop/serviceaccounts/default`]: {
    metadata: { namespace: "shop", name: "default" },
  },
  [`${api}/pods`]: list([pod("web", role), pod("odd", { "iam.amazonaws.com/role": "a b" })]),
  [`${api}/namespaces`]: list([namespace]),
  [`${api}/serviceaccounts`]: list([]),
};

// arguments, exit code, what is written
const runs = [
  [["shop/good", `--server-status=${url}`], 0, /gets its credentials\n\n {2}ok {4}pod +on node n1/],
  [["shop/bad", `--server-status=${url}`], 3, /FAIL {2}role +why\n\nTo do: change it\.\n/],
  [["shop/none", `--server-status=${url}`], 3, /has no role/],
  [["shop/soon", `--server-status=${url}`], 3, /waits/],
  [["shop/gone", `--server-status=${url}`], 4, /no pod shop\/gone/],
  [["shop/early", `--server-status=${url}`], 1, /503 not listed yet: pods/],
  [["shop/odd", `--server-status=${url}`], 1, /not the status listener/],
  [
    ["shop/closed", `--server-status=${url}`],
    1,
    /401 .*--audience=x \| kubectl rolecall explain … --status-token-file=-/,
  ],
  [["shop/closed", `--server-status=${url}`, "--status-token-file=token"], 0, /gets its cred/],
  [["shop/closed", `--server-status=${url}`, "--status-token-file=-"], 0, /gets its credentials/],
  [
    ["shop/closed", `--server-status=${url}`, "--status-token-file=none"],
    1,
    /--status-token-file: none can't be read/,
  ],
  [["shop/web", "--server-status=http://127.0.0.1:1"], 1, /no server answers.*port-forward/],
  [["shop/web", "--kubeconfig=config", base], 0, /may have its role/],
  [["shop/web", "--kubeconfig=config"], 3, /--role-base-arn as the server has it/],
  [["shop/odd", "--kubeconfig=config", base], 3, /RoleMalformed/],
  [["shop/gone", "--kubeconfig=config", base], 4, /no pod shop\/gone/],
  [
    ["--all", "--kubeconfig=config", base],
    3,
    /1 denied, 1 cause\n\nRoleMalformed: .*\n {2}shop\/odd/,
  ],
  [["--all", "--kubeconfig=config"], 3, /Note: 1 not evaluated/],
  [["shop/web", "--kubeconfig=none"], 2, /--kubeconfig none: there is no such file/],
  [["shop/web", base], 0, /policy alone/],
  [[], 2, /no pod; expected NAMESPACE\/POD, pod\/NAME, NAME or --all/],
  [["shop/"], 2, /shop\/: is no pod's name/],
  [["shop/good", "-n", "other"], 2, /--namespace: "other" is not valid; expected shop or none/],
  // As kubectl has it.
  [["pod/good", "-n", "shop", `--server-status=${url}`], 0, /gets its credentials/],
  [["pod", "good", "-n=shop", `--server-status=${url}`], 0, /gets its credentials/],
  [["good", "-nshop", `--server-status=${url}`], 0, /gets its credentials/],
  [["pods/good", `--server-status=${url}`], 4, /no pod default\/good/],
  [["web", "--kubeconfig=namespaced", base], 0, /may have its role/],
  [["web", "--kubeconfig=namespaced", "--context=none", base], 2, /none/],
  [["-A", "--kubeconfig=config", base], 3, /1 denied, 1 cause/],
  [["--all", "-n", "other", "--kubeconfig=config", base], 0, /No pod is denied/],
  [["shop/bad", `--server-status=${url}`, "-o", "yaml"], 3, /^source: .*\nnamespace: shop\n/],
  [["a/b/c", "x"], 2, /a\/b\/c: is no pod's name[^]*x: unexpected/],
  [["shop/web", "--all"], 2, /shop\/web: unexpected/],
  [["shop/web", `--server-status=${url}`, "--kubeconfig=f"], 2, /not both/],
  [["shop/web", "--output=xml", "--role-base-arn=x"], 2, /--output[^]*--role-base-arn/],
] as const;

for (const [args, code, text] of runs) {
  test(`explain ${args.join(" ")}: ${code}`, async () => {
    const namespaced = kubeconfig.replace('"user":"u"', '"user":"u","namespace":"shop"');
    const files = {
      token: "secret\n",
      "-": "secret\n",
      config: kubeconfig,
      namespaced,
      "/home/u/.kube/config": kubeconfig,
    };
    const fetch = serving({ ...server, ...cluster });
    const { runtime, written } = fakeRuntime({ files, env: { HOME: "/home/u" }, fetch });
    assert.equal(await runExplain(runtime, args), code);
    assert.match(written(), text);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(written(), /\x1b/);
  });
}

test("explain: without flags, a server at the default address is tried first", async () => {
  const answers = { "http://127.0.0.1:9622/api/pods/shop/web": explanation("credentials") };
  const { runtime, written } = fakeRuntime({ fetch: serving({ ...answers, ...cluster }) });
  assert.equal(await runExplain(runtime, ["shop/web"]), 0);
  assert.match(written(), /Source: the server at http:\/\/127\.0\.0\.1:9622/);
});

test("explain: without a server, KUBECONFIG's files that exist", async () => {
  const env = { KUBECONFIG: "gone:config" };
  const files = { config: kubeconfig };
  const { runtime, written } = fakeRuntime({ env, files, fetch: serving(cluster) });
  assert.equal(await runExplain(runtime, ["--all"]), 3);
  assert.match(written(), /Source: the cluster of KUBECONFIG gone:config, policy alone/);
  const none = fakeRuntime({ env, fetch: serving(cluster) });
  assert.equal(await runExplain(none.runtime, ["--all"]), 1);
  assert.match(none.written(), /no server answers/);
});

// on a terminal, NO_COLOR, coloured
for (
  const [isTerminal, noColor, coloured] of [[true, "", true], [true, "1", false], [
    false,
    "",
    false,
  ]] as const
) {
  test(`explain: terminal ${isTerminal}, NO_COLOR ${JSON.stringify(noColor)}: ${coloured}`, async () => {
    const env = { NO_COLOR: noColor };
    const { runtime, written } = fakeRuntime({ isTerminal, env, fetch: serving(server) });
    await runExplain(runtime, ["shop/bad", `--server-status=${url}`]);
    // deno-lint-ignore no-control-regex
    assert.equal(/\x1b\[31mFAIL\x1b\[0m/.test(written()), coloured);
  });
}

test("explain --output=json: the explanation and its source", async () => {
  const { runtime, written } = fakeRuntime({ fetch: serving(server) });
  await runExplain(runtime, ["shop/bad", `--server-status=${url}`, "--output=json"]);
  const source = `the server at ${url}`;
  assert.deepEqual(JSON.parse(written()), { source, ...explanation("denied", "change it") });
});

test("explain --all: the server's denied and failed pods by cause; silent replicas are named", async () => {
  const denied = { state: "denied", reason: "NotPermitted", message: "namespace shop: …" } as const;
  const merged = {
    ...summary({
      pods: [
        podRow({ ...denied, name: "b" }),
        podRow({ ...denied, name: "a" }),
        podRow({ state: "failed", reason: "CredentialsFailed", message: "STS denies", name: "c" }),
        podRow(),
        podRow({ state: "pending" }),
      ],
    }),
    replicas: [{ replica: "10.0.0.3", problem: "no answer in time" }],
  };
  const { runtime, written } = fakeRuntime({ fetch: serving({ [`${url}/api/summary`]: merged }) });
  assert.equal(await runExplain(runtime, ["--all", `--server-status=${url}`]), 3);
  assert.equal(
    written(),
    `3 denied, 2 causes

NotPermitted: namespace shop: …
  shop/a
  shop/b

CredentialsFailed: STS denies
  shop/c

Note: replica 10.0.0.3 didn't answer: no answer in time
Source: the server at ${url}
`,
  );
});

test("explain: with nothing at the default address, through a port-forward by kubectl", async () => {
  const calls: string[] = [];
  const { runtime, written } = fakeRuntime({
    env: { HOME: "/home/u", KUBECONFIG: "config" },
    fetch: serving({ "http://127.0.0.1:40123/api/pods/shop/web": explanation("credentials") }),
    follow: async (command, args, { output, signal, env }) => {
      calls.push([command, ...args].join(" "), env?.["KUBECONFIG"] ?? "");
      output("Forwarding from 127.0.0.1:40123");
      output(" -> 9622\nForwarding from [::1]:40123 -> 9622\n");
      await aborted(signal);
      calls.push("ended");
      return { code: 124, stderr: "" };
    },
  });
  assert.equal(await runExplain(runtime, ["shop/web", "--context=prod"]), 0, written());
  assert.match(written(), /Source: the server at deploy\/rolecall-server in namespace rolecall/);
  assert.deepEqual(calls, [
    "kubectl --context=prod --namespace=rolecall port-forward --address=127.0.0.1 " +
    "deploy/rolecall-server :9622",
    "config",
    "ended",
  ]);
});

test("explain: a port-forward that fails says why, and how to reach a server", async () => {
  const { runtime, written } = fakeRuntime({
    follow: () => Promise.resolve({ code: 1, stderr: "error: pods is forbidden\n" }),
  });
  assert.equal(await runExplain(runtime, ["shop/web"]), 1);
  assert.match(
    written(),
    /no server answers at .*9622, and kubectl .*: error: pods is forbidden; give/,
  );
});

test("explain: if the status listener requires a token, kubectl creates it", async () => {
  const calls: string[] = [];
  const fake = fakeRuntime({ fetch: serving(server) });
  const run = (command: string, args: readonly string[]) => {
    calls.push([command, ...args].join(" "));
    return Promise.resolve({ code: 0, stdout: "secret\n", stderr: "" });
  };
  const args = ["shop/closed", `--server-status=${url}`, "--context=x"];
  assert.equal(await runExplain({ ...fake.runtime, run }, args), 0, fake.written());
  assert.deepEqual(calls, [
    "kubectl --context=x --namespace=rolecall create token rolecall-status " +
    "--audience=rolecall-status",
  ]);
});
