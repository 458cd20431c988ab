import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { createRunProgram } from "../../runtime/program.ts";
import { ConnectionFault } from "./connection.ts";
import { kubeconfigConnection, type KubeconfigOptions } from "./kubeconfig.ts";
import { kubeconfigFile, type KubeconfigFiles, usualKubeconfig } from "./kubeconfig_files.ts";

const run = createRunProgram("/usr/bin:/bin");
const env = { PATH: "/usr/bin:/bin" };
const given = { clock: new ManualClock(), context: null };
const path = "/home/config";

/** A runtime that has these files. */
function runtimeWith(
  files: Readonly<Record<string, string>>,
  more: Partial<KubeconfigOptions["runtime"]> = {},
): KubeconfigOptions["runtime"] {
  const readTextFile = (path: string) => {
    const text = files[path];
    if (text !== undefined) return Promise.resolve(text);
    return Promise.reject(Object.assign(new Error("there is no such file"), { code: "ENOENT" }));
  };
  const httpClient = () => assert.fail("nothing is asked");
  return { env, readTextFile, run, isInteractive: false, httpClient, ...more };
}

/** The connection of a file with one context `x`, its cluster `c` and its user `u`. */
function connect(user: object, cluster: object = {}, more: Partial<KubeconfigOptions> = {}) {
  const runtime = runtimeWith({ ...pointedTo, [path]: config(user, cluster) });
  return kubeconfigConnection(kubeconfigFile(path), { runtime, ...given, ...more });
}

function config(user: object, cluster: object = {}): string {
  return JSON.stringify({
    clusters: [{ name: "c", cluster: { server: "https://api:6443/", ...cluster } }],
    users: [{ name: "u", user }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u", namespace: "shop" } }],
    "current-context": "x",
  });
}

const pem = (name: string) => `-----BEGIN ${name}-----`;
const data = (name: string) => btoa(pem(name));
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const pointedTo = {
  "/home/token": "from a file\n",
  "/home/pki/ca": pem("CA"),
  "/home/cert": pem("CERT"),
  "/etc/key": pem("KEY"),
};

// name, user, cluster, TLS material, headers
const accesses = [
  ["a token", { token: "t" }, {}, {}, bearer("t")],
  [
    "certificates inside",
    { "client-certificate-data": data("CERT"), "client-key-data": data("KEY") },
    { "certificate-authority-data": data("CA") },
    { ca: pem("CA"), cert: pem("CERT"), key: pem("KEY") },
    {},
  ],
  [
    "certificates in files, beside the kubeconfig or not",
    { "client-certificate": "cert", "client-key": "/etc/key" },
    { "certificate-authority": "pki/ca" },
    { ca: pem("CA"), cert: pem("CERT"), key: pem("KEY") },
    {},
  ],
  [
    "data before a file",
    {},
    { "certificate-authority": "gone", "certificate-authority-data": data("CA") },
    { ca: pem("CA") },
    {},
  ],
  ["a token file", { tokenFile: "token" }, {}, {}, bearer("from a file")],
  [
    "a token file before a token",
    { tokenFile: "token", token: "old" },
    {},
    {},
    bearer("from a file"),
  ],
  [
    "name and password",
    { username: "ä", password: "b" },
    {},
    {},
    { Authorization: "Basic w6Q6Yg==" },
  ],
  [
    "impersonation",
    {
      token: "t",
      as: "jane",
      "as-uid": "7",
      "as-groups": ["ops", "dev"],
      "as-user-extra": { "example.com/(x)": ["1", "2"] },
    },
    {},
    {},
    {
      ...bearer("t"),
      "Impersonate-User": "jane",
      "Impersonate-Uid": "7",
      "Impersonate-Group": ["ops", "dev"],
      "Impersonate-Extra-example.com%2F%28x%29": ["1", "2"],
    },
  ],
  ["no verification", {}, { "insecure-skip-tls-verify": true }, { rejectUnauthorized: false }, {}],
  ["a TLS name", {}, { "tls-server-name": "kubernetes" }, { serverName: "kubernetes" }, {}],
  ["http:// as of kubectl proxy", {}, { server: "http://127.0.0.1:8001" }, {}, {}],
  ["nulls", { token: null, exec: null, "as-groups": null }, { "proxy-url": null }, {}, {}],
] as const;

for (const [name, user, cluster, tls, headers] of accesses) {
  test(`a kubeconfig with ${name}`, async () => {
    assert.deepEqual(await (await connect(user, cluster)).access(false), { tls, headers });
  });
}

// written, used
const servers = [
  [{ server: "https://rancher/k8s/clusters/c-1/" }, "https://rancher/k8s/clusters/c-1"],
  [{ server: "10.0.0.1:8080" }, "http://10.0.0.1:8080"],
  [{ server: "api:6443", "insecure-skip-tls-verify": true }, "https://api:6443"],
] as const;

for (const [cluster, server] of servers) {
  test(`a kubeconfig's server ${cluster.server}: ${server}`, async () => {
    assert.equal((await connect({}, cluster)).server, server);
  });
}

test("a token file is reread once a minute, and at once after a refusal", async () => {
  const files: Record<string, string> = { [path]: config({ tokenFile: "/t" }), "/t": "one" };
  const own = new ManualClock();
  const runtime = runtimeWith(files);
  const connection = await kubeconfigConnection(kubeconfigFile(path), {
    ...given,
    runtime,
    clock: own,
  });
  const headers = async (refresh: boolean) => (await connection.access(refresh)).headers;
  assert.deepEqual(await headers(false), bearer("one"));
  files["/t"] = "two";
  assert.deepEqual(await headers(false), bearer("one"));
  await own.advance(60_000);
  assert.deepEqual(await headers(false), bearer("two"));
  files["/t"] = "three";
  assert.deepEqual(await headers(true), bearer("three"));
});

const oidc = (expiry: number) => ({
  "auth-provider": {
    name: "oidc",
    config: { "id-token": `e30.${btoa(JSON.stringify({ exp: expiry }))}.x` },
  },
});

test("an OIDC token is sent, or said to have expired", async () => {
  const valid = oidc(4e9);
  const { headers } = await (await connect(valid)).access(false);
  assert.deepEqual(headers, bearer(valid["auth-provider"].config["id-token"]));
  await assert.rejects((await connect(oidc(1))).access(false), {
    code: "access_unavailable",
    message: 'kubeconfig user "u": its oidc token has expired and can\'t be renewed; sign in again',
  });
});

test("a context may have no user, and another than the current one may be chosen", async () => {
  const text = "current-context: x\n" +
    "clusters: [{name: c, cluster: {server: https://api, certificate-authority: /home/pki/ca}}]\n" +
    "contexts: [{name: y, context: {cluster: c}}]";
  const runtime = runtimeWith({ ...pointedTo, [path]: text });
  const options = { ...given, runtime, context: "y" };
  const connection = await kubeconfigConnection(kubeconfigFile(path), options);
  assert.deepEqual(await connection.access(false), { tls: { ca: pem("CA") }, headers: {} });
  assert.equal(connection.namespace, null);
});

// environment, cluster, proxy of https://api:6443/x
const proxies = [
  [{}, {}, null],
  [{}, { "proxy-url": "socks5://127.0.0.1:1080" }, "socks5://127.0.0.1:1080"],
  [{ HTTPS_PROXY: "http://p:1" }, {}, "http://p:1"],
  [{ HTTPS_PROXY: "http://p:1", NO_PROXY: "api" }, {}, null],
  [{ HTTPS_PROXY: "http://p:1", NO_PROXY: "api" }, { "proxy-url": "http://own" }, "http://own"],
] as const;

for (const [env, cluster, proxy] of proxies) {
  test(`a kubeconfig with ${JSON.stringify({ ...env, ...cluster })}: proxy ${proxy}`, async () => {
    const runtime = runtimeWith({ [path]: config({}, cluster) }, { env });
    const connection = await kubeconfigConnection(kubeconfigFile(path), { runtime, ...given });
    assert.equal(connection.proxyFor?.("https://api:6443/x"), proxy);
  });
}

// environment, paths
const usual = [
  [{ KUBECONFIG: "/a:/b:/a", HOME: "/h" }, ["/a", "/b"]],
  [{ KUBECONFIG: ":/b", HOME: "/h" }, ["/b"]],
  [{ KUBECONFIG: "", HOME: "/h" }, ["/h/.kube/config"]],
  [{ HOME: "" }, undefined],
  [{}, undefined],
] as const;

for (const [env, paths] of usual) {
  test(`usualKubeconfig(${JSON.stringify(env)}): ${paths}`, () => {
    assert.deepEqual(usualKubeconfig(env)?.paths, paths);
  });
}

function listed(...paths: string[]): KubeconfigFiles {
  return usualKubeconfig({ KUBECONFIG: paths.join(":") })!;
}

test("files of KUBECONFIG are merged: the first wins, missing and empty ones are skipped", async () => {
  const files = {
    "/a/config": "current-context: x\nusers: [{name: u, user: {tokenFile: token}}]",
    "/b/config": config({ token: "not this" }, { "certificate-authority": "ca" }),
    "/a/token": "of a",
    "/b/ca": pem("CA"),
    "/empty": "",
  };
  const runtime = runtimeWith(files);
  const chosen = listed("/gone", "/empty", "/a/config", "/b/config");
  const connection = await kubeconfigConnection(chosen, { runtime, ...given });
  assert.deepEqual(await connection.access(false), {
    tls: { ca: pem("CA") },
    headers: bearer("of a"),
  });
});

test("without any file of KUBECONFIG there is no kubeconfig", async () => {
  const runtime = runtimeWith({});
  await assert.rejects(kubeconfigConnection(listed("/gone", "/lost"), { runtime, ...given }), {
    code: "kubeconfig_missing",
    message: "KUBECONFIG /gone:/lost: there is no such file",
  });
});

const v1 = "client.authentication.k8s.io/v1";
const exec = { apiVersion: v1, interactiveMode: "Never", command: "aws" };
const twice = { name: "c", cluster: {} };

// name, file's text, what the message says
const broken = [
  ["missing", undefined, /^--kubeconfig \/home\/config: there is no such file; fix it/],
  ["empty", "", /no current-context is set$/],
  ["no mapping", "hello", /is not a mapping/],
  ["no YAML", "a: 1\ntoken: [tell-nobody", /is not valid YAML, line 2; fix it or name another$/],
  ["clusters no list", "clusters: tell-nobody", /: clusters is not as expected/],
  ["two of a name", JSON.stringify({ clusters: [twice, twice] }), /has two clusters named "c"/],
  ["an unknown context", "current-context: x", /has no context named "x"/],
  ["no server", config({}, { server: "" }), /cluster "c": server is missing/],
  ["an odd server", config({}, { server: "ftp://a" }), /"c": server is not an http or https URL/],
  ["a proxy of another kind", config({}, { "proxy-url": "ftp://p" }), /"c": proxy-url is not/],
  [
    "a CA that isn't used",
    config({}, { "insecure-skip-tls-verify": true, "certificate-authority": "x" }),
    /"c": insecure-skip-tls-verify and certificate-authority exclude each other/,
  ],
  [
    "a CA that is none",
    config({}, { "certificate-authority-data": "tell-nobody" }),
    /"c": certificate-authority-data is not PEM in base64/,
  ],
  [
    "a server that is a scheme alone",
    config({}, { server: "https://" }),
    /cluster "c": server is not an http or https URL/,
  ],
  ["a token that is no text", config({ token: 7 }), /user "u": token: expected string/],
  ["two ways to sign in", config({ token: "t", username: "a" }), /token and username exclude/],
  ["half a key pair", config({ "client-key-data": data("KEY") }), /has no client-certificate/],
  ["groups of nobody", config({ "as-groups": ["g"] }), /as-uid, as-groups and .* need as/],
  ["gcp", config({ "auth-provider": { name: "gcp" } }), /auth-provider gcp was removed/],
  ["openstack", config({ "auth-provider": { name: "openstack" } }), /openstack is not supported/],
  ["exec v1alpha1", config({ exec: { ...exec, apiVersion: "x/v1alpha1" } }), /x\/v1alpha1 is not/],
  ["exec without command", config({ exec: { ...exec, command: "" } }), /exec: command is missing/],
  ["exec v1", config({ exec: { ...exec, interactiveMode: null } }), /interactiveMode is missing/],
] as const;

for (const [name, text, message] of broken) {
  test(`a kubeconfig that is broken: ${name}`, async () => {
    const runtime = runtimeWith(text === undefined ? {} : { [path]: text });
    await assert.rejects(
      kubeconfigConnection(kubeconfigFile(path), { runtime, ...given }),
      (fault) => {
        assert.ok(fault instanceof ConnectionFault);
        assert.equal(fault.code, "settings_broken");
        assert.match(fault.message, message);
        assert.match(fault.message, /^--kubeconfig \/home\/config: /);
        assert.doesNotMatch(fault.message, /tell-nobody/);
        return true;
      },
    );
  });
}

test("a broken proxy in the environment is a broken setting", async () => {
  const runtime = runtimeWith({ [path]: config({}) }, { env: { HTTPS_PROXY: "ftp://p" } });
  await assert.rejects(kubeconfigConnection(kubeconfigFile(path), { runtime, ...given }), {
    code: "settings_broken",
    message: /HTTPS_PROXY: is not a proxy's URL/,
  });
});
