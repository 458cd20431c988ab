import { after, test } from "node:test";
import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { createRunProgram } from "../../runtime/program.ts";
import type { RunProgram } from "../../runtime/runtime.ts";
import { readTextFile } from "../../runtime/files.ts";
import { kubeconfigConnection } from "./kubeconfig.ts";
import { kubeconfigFile } from "./kubeconfig_files.ts";

const folder = await mkdtemp(join(tmpdir(), "rolecall-exec-"));
after(() => rm(folder, { recursive: true }));

const v1 = "client.authentication.k8s.io/v1";
const credential = (status: object, apiVersion = v1) =>
  JSON.stringify({ kind: "ExecCredential", apiVersion, status });
const script = (output: string) => ["-c", `printf '%s' '${output}'`];
const program = createRunProgram("/usr/bin:/bin");

interface World {
  readonly exec: object;
  readonly cluster?: object;
  readonly isInteractive?: boolean;
  readonly run?: RunProgram;
}

/** The connection of a kubeconfig in the folder, and what was run for it. */
async function connect({ exec, cluster, isInteractive = false, run = program }: World) {
  const path = join(folder, "config");
  const config = {
    clusters: [{ name: "c", cluster: { server: "https://api", ...cluster } }],
    users: [{ name: "u", user: { exec: { apiVersion: v1, interactiveMode: "Never", ...exec } } }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
  };
  await writeFile(path, JSON.stringify(config));
  const clock = new ManualClock();
  const httpClient = () => assert.fail("nothing is asked");
  const env = { PATH: process.env["PATH"], OWN: "kept" };
  const runs: Parameters<RunProgram>[] = [];
  const noting: RunProgram = (...call) => (runs.push(call), run(...call));
  const runtime = { env, readTextFile, run: noting, isInteractive, httpClient };
  const options = { runtime, clock, context: null };
  const connection = await kubeconfigConnection(kubeconfigFile(path), options);
  return { connection, clock, runs };
}

const token = async (connection: Awaited<ReturnType<typeof connect>>["connection"]) =>
  (await connection.access(false)).headers.Authorization;

test("an exec plug-in beside the kubeconfig is run, with its variables and the cluster", async () => {
  const plugin = join(folder, "plugin.sh");
  const output = credential({ token: "$MINE $OWN $KUBERNETES_EXEC_INFO" }).replaceAll('"', '\\"');
  const quoted = '$(printf "%s" "$KUBERNETES_EXEC_INFO" | sed "s/\\"/\\\\\\\\\\"/g")';
  const text = output.replace("$KUBERNETES_EXEC_INFO", quoted);
  await writeFile(plugin, `#!/bin/sh\nprintf '%s' "${text}"\n`);
  await chmod(plugin, 0o755);
  const pem = "-----BEGIN CERTIFICATE-----";
  const extension = { audience: "a" };
  const { connection } = await connect({
    exec: {
      command: "./plugin.sh",
      provideClusterInfo: true,
      args: null,
      env: [{ name: "MINE", value: "given" }],
    },
    cluster: {
      "certificate-authority-data": btoa(pem),
      "tls-server-name": "name",
      extensions: [{ name: "client.authentication.k8s.io/exec", extension }],
    },
  });
  const [, mine, own, info = ""] = /^Bearer (\w+) (\w+) (.*)$/.exec(await token(connection) ?? "")!;
  assert.deepEqual([mine, own], ["given", "kept"]);
  assert.deepEqual(JSON.parse(info), {
    kind: "ExecCredential",
    apiVersion: v1,
    spec: {
      interactive: false,
      cluster: {
        server: "https://api",
        "tls-server-name": "name",
        "certificate-authority-data": btoa(pem),
        config: extension,
      },
    },
  });
});

test("an exec plug-in may give a client certificate", async () => {
  const pems = { clientCertificateData: "CERT", clientKeyData: "KEY" };
  const { connection } = await connect({ exec: { command: "sh", args: script(credential(pems)) } });
  const { tls } = await connection.access(false);
  assert.deepEqual(tls, { cert: "CERT", key: "KEY" });
});

test("an exec plug-in is run again once its credential expires or is refused", async () => {
  const start = new ManualClock().now();
  const status = { token: "t", expirationTimestamp: new Date(start + 60_000).toISOString() };
  const exec = { command: "sh", args: script(credential(status)) };
  const { connection, clock, runs } = await connect({ exec });
  await connection.access(false);
  await connection.access(false);
  assert.equal(runs.length, 1);
  await clock.advance(60_000);
  await connection.access(false);
  assert.equal(runs.length, 2);
  await connection.access(true);
  assert.equal(runs.length, 3);
});

// interactiveMode, whether there is a terminal, whether the plug-in gets it
const modes = [
  ["Never", true, false],
  ["IfAvailable", false, false],
  ["IfAvailable", true, true],
  ["Always", true, true],
] as const;

for (const [interactiveMode, isInteractive, terminal] of modes) {
  test(`an exec plug-in ${interactiveMode}, terminal ${isInteractive}: ${terminal}`, async () => {
    const stdout = credential({ token: "t" });
    const run = () => Promise.resolve({ code: 0, stdout, stderr: "" });
    const exec = { command: "aws", interactiveMode };
    const { connection, runs } = await connect({ exec, isInteractive, run });
    await connection.access(false);
    const [, , options] = runs[0]!;
    assert.equal(options?.terminal, terminal);
    const info = JSON.parse(options?.env?.["KUBERNETES_EXEC_INFO"] ?? "");
    assert.equal(info.spec.interactive, terminal);
  });
}

// name, plug-in, message
const failures = [
  [
    "missing",
    { command: "/none/aws", installHint: "install\nit so" },
    /not executable: install it so$/,
  ],
  [
    "failing",
    { command: "sh", args: ["-c", "echo no session >&2; exit 3"] },
    /failed: no session$/,
  ],
  ["failing silently", { command: "false" }, /exec plug-in false failed: it ended with code 1$/],
  ["in need of a terminal", { command: "aws", interactiveMode: "Always" }, /needs a terminal/],
  ["printing nothing", { command: "true" }, /printed no ExecCredential with a status$/],
  ["printing text", { command: "echo", args: ["tell-nobody"] }, /printed no ExecCredential/],
  [
    "printing no status",
    { command: "sh", args: script(`{"kind":"ExecCredential","apiVersion":"${v1}"}`) },
    /printed no ExecCredential with a status$/,
  ],
  [
    "of another version",
    { command: "sh", args: script(credential({ token: "t" }, `${v1}beta1`)) },
    /of another apiVersion than client.authentication.k8s.io\/v1$/,
  ],
  [
    "printing half",
    { command: "sh", args: script(credential({ clientKeyData: "K" })) },
    /only one/,
  ],
  ["granting nothing", { command: "sh", args: script(credential({})) }, /printed no credential$/],
] as const;

for (const [name, exec, message] of failures) {
  test(`an exec plug-in ${name}: a fault that names it and may pass`, async () => {
    const { connection } = await connect({ exec });
    await assert.rejects(connection.access(false), (fault: Error & { code?: string }) => {
      assert.equal(fault.code, "access_unavailable");
      assert.match(fault.message, message);
      assert.match(fault.message, /^kubeconfig user "u": exec plug-in /);
      assert.doesNotMatch(fault.message, /tell-nobody/);
      return true;
    });
  });
}
