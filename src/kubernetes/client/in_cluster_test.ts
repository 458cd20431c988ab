import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { inClusterConnection } from "./in_cluster.ts";

function optionsWith(files: Record<string, string>, env: Record<string, string> = {}) {
  const readTextFile = (path: string) => {
    const text = files[path];
    return text === undefined ? Promise.reject(new Error("not there")) : Promise.resolve(text);
  };
  return { clock: new ManualClock(), env, readTextFile };
}

const pod = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" };

test("inClusterConnection() rereads token and CA once a minute, and at once on request", async () => {
  const files: Record<string, string> = {
    "/sa/token": "one\n",
    "/sa/ca.crt": "CA",
    "/sa/namespace": "rolecall",
  };
  const options = optionsWith(files, pod);
  const connection = await inClusterConnection(options, "/sa");
  assert.equal(connection.server, "https://[fd00::1]:443");
  assert.equal(connection.namespace, "rolecall");
  const token = async (refresh: boolean) => (await connection.access(refresh)).headers;
  assert.deepEqual(await token(false), { Authorization: "Bearer one" });
  files["/sa/token"] = "two";
  assert.deepEqual(await token(false), { Authorization: "Bearer one" });
  await options.clock.advance(60_000);
  assert.deepEqual(await token(false), { Authorization: "Bearer two" });
  files["/sa/token"] = "three";
  assert.deepEqual(await token(true), { Authorization: "Bearer three" });
});

test("inClusterConnection() waits for its files, naming the one", async () => {
  const connection = await inClusterConnection(optionsWith({}, pod), "/sa");
  await assert.rejects(connection.access(false), {
    code: "access_unavailable",
    message: /cannot read \/sa\/token/,
  });
});

test("inClusterConnection() outside of a cluster names the flag", async () => {
  await assert.rejects(inClusterConnection(optionsWith({}), "/sa"), {
    code: "settings_broken",
    message: /--kubeconfig/,
  });
});

test("inClusterConnection() never has a proxy", async () => {
  const env = { ...pod, HTTPS_PROXY: "http://proxy:3128" };
  const connection = await inClusterConnection(optionsWith({}, env), "/sa");
  assert.equal(connection.proxyFor, undefined);
});
