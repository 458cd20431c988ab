import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { ConnectionFault, type ConnectionOptions } from "./connection.ts";
import { inClusterConnection } from "./in_cluster.ts";
import { kubeconfigConnection } from "./kubeconfig.ts";

function deps(files: Record<string, string>, env: Record<string, string> = {}) {
  const clock = new ManualClock();
  const readTextFile = (path: string) => {
    const text = files[path];
    if (text === undefined) return Promise.reject(new Error("ENOENT: no such file"));
    return Promise.resolve(text);
  };
  return { clock, env, readTextFile } satisfies ConnectionOptions & { clock: ManualClock };
}

function config(user: object, cluster: object = {}): string {
  return JSON.stringify({
    clusters: [{ name: "c", cluster: { server: "https://api:6443/", ...cluster } }],
    users: [{ name: "u", user }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u", namespace: "shop" } }],
    "current-context": "x",
  });
}

const pem = btoa("PEM");
const other = { "/home/other": "token two\n", "/home/pki/ca": "CA", "/etc/key": "KEY" };

// name, user, cluster, TLS material, headers
const users = [
  ["a token", { token: "t" }, {}, {}, { Authorization: "Bearer t" }],
  [
    "certificates inside",
    { "client-certificate-data": pem, "client-key-data": pem },
    { "certificate-authority-data": pem },
    { ca: "PEM", cert: "PEM", key: "PEM" },
    {},
  ],
  [
    "certificates in files, beside the kubeconfig or not",
    { "client-key": "/etc/key" },
    { "certificate-authority": "pki/ca" },
    { ca: "CA", key: "KEY" },
    {},
  ],
  ["a token file", { tokenFile: "other" }, {}, {}, { Authorization: "Bearer token two" }],
  [
    "a token file before a token",
    { tokenFile: "other", token: "old" },
    {},
    {},
    { Authorization: "Bearer token two" },
  ],
  ["name and password", { username: "a", password: "b" }, {}, {}, { Authorization: "Basic YTpi" }],
  [
    "impersonation",
    { token: "t", as: "jane" },
    {},
    {},
    { Authorization: "Bearer t", "Impersonate-User": "jane" },
  ],
  ["no verification", {}, { "insecure-skip-tls-verify": true }, { rejectUnauthorized: false }, {}],
] as const;

for (const [name, user, cluster, tls, headers] of users) {
  test(`kubeconfigConnection() ${name}`, async () => {
    const files = { ...other, "/home/config": config(user, cluster) };
    const connection = await kubeconfigConnection("/home/config", deps(files));
    assert.deepEqual(await connection.access(false), { tls, headers });
    assert.equal(connection.server, "https://api:6443");
    assert.equal(connection.namespace, "shop");
  });
}

test("kubeconfigConnection() asks an exec plug-in, and again after a refusal", async () => {
  const status = { token: "made" };
  const script = `echo '${JSON.stringify({ kind: "ExecCredential", status })}'`;
  const exec = { command: "sh", args: ["-c", script], env: [] };
  const files = { "/home/config": config({ exec }) };
  const connection = await kubeconfigConnection("/home/config", deps(files));
  for (const refresh of [false, true]) {
    const { headers } = await connection.access(refresh);
    assert.deepEqual(headers, { Authorization: "Bearer made" });
  }
});

test("kubeconfigConnection() a failing plug-in may come right: the fault names it", async () => {
  const exec = { command: "sh", args: ["-c", "echo no session >&2; exit 1"], env: [] };
  const files = { "/home/config": config({ exec }) };
  const connection = await kubeconfigConnection("/home/config", deps(files));
  await assert.rejects(connection.access(false), (fault) => {
    assert.ok(fault instanceof ConnectionFault);
    assert.equal(fault.code, "access_unavailable");
    assert.match(fault.message, /"u": sh failed: no session/);
    return true;
  });
});

test("kubeconfigConnection() keeps address and TLS name apart for tls-server-name", async () => {
  const cluster = { server: "https://10.0.0.1:6443", "tls-server-name": "kubernetes" };
  const files = { "/home/config": config({}, cluster) };
  const { server, address } = await kubeconfigConnection("/home/config", deps(files));
  assert.deepEqual([server, address], ["https://kubernetes:6443", "10.0.0.1"]);
});

// name, file's text, what the message says
const broken = [
  ["missing", undefined, /^kubeconfig \/home\/config: ENOENT/],
  ["empty", "", /config: is empty/],
  ["no YAML", "token: [tell-nobody", /config: is not valid YAML; mend it or name another$/],
  ["no context", "clusters: []", /no current-context/],
  ["an unknown context", "current-context: x", /has no context named "x"/],
  ["no server", config({}, { server: "" }), /server is missing/],
  ["an odd server", config({}, { server: "api:6443" }), /"c": server is not an http or https URL/],
  ["a proxy", config({}, { "proxy-url": "http://p" }), /"c": proxy-url is not supported/],
  ["gcp", config({ "auth-provider": { name: "gcp" } }), /auth-provider gcp is obsolete/],
] as const;

for (const [name, text, message] of broken) {
  test(`kubeconfigConnection() ${name}: settings_broken`, async () => {
    const files: Record<string, string> = text === undefined ? {} : { "/home/config": text };
    const opening = kubeconfigConnection("/home/config", deps(files));
    await assert.rejects(opening, (fault) => {
      assert.ok(fault instanceof ConnectionFault);
      assert.equal(fault.code, "settings_broken");
      assert.match(fault.message, message);
      assert.doesNotMatch(fault.message, /tell-nobody/);
      return true;
    });
  });
}

const pod = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" };

test("inClusterConnection() follows token and CA once a minute, and at once when asked", async () => {
  const files: Record<string, string> = {
    "/sa/token": "one\n",
    "/sa/ca.crt": "CA",
    "/sa/namespace": "rolecall",
  };
  const given = deps(files, pod);
  const connection = await inClusterConnection(given, "/sa");
  assert.equal(connection.server, "https://[fd00::1]:443");
  assert.equal(connection.namespace, "rolecall");
  const token = async (refresh: boolean) => (await connection.access(refresh)).headers;
  assert.deepEqual(await token(false), { Authorization: "Bearer one" });
  files["/sa/token"] = "two";
  assert.deepEqual(await token(false), { Authorization: "Bearer one" });
  await given.clock.advance(60_000);
  assert.deepEqual(await token(false), { Authorization: "Bearer two" });
  files["/sa/token"] = "three";
  assert.deepEqual(await token(true), { Authorization: "Bearer three" });
});

test("inClusterConnection() waits for its files, naming the one", async () => {
  const connection = await inClusterConnection(deps({}, pod), "/sa");
  await assert.rejects(connection.access(false), {
    code: "access_unavailable",
    message: /cannot read \/sa\/token/,
  });
});

test("inClusterConnection() outside of a cluster names the flag", async () => {
  await assert.rejects(inClusterConnection(deps({}), "/sa"), {
    code: "settings_broken",
    message: /--kubeconfig/,
  });
});
