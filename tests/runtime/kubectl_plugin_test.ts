/** The plugin as kubectl calls it, with its port-forward; a fake kubectl forwards to `dev`. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { env, execPath, versions } from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { DevProcess } from "./dev_process.ts";

const plugin = fileURLToPath(new URL("../../bin/kubectl-rolecall.js", import.meta.url));
const completion = fileURLToPath(
  new URL("../../bin/kubectl_complete-rolecall.js", import.meta.url),
);
const manifests = fileURLToPath(new URL("../../dev/cluster.yaml", import.meta.url));
const runtimeArgs = versions.deno === undefined ? [] : ["run", "-A", "--quiet"];

function run(
  file: string,
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; text: string }> {
  const child = spawn(execPath, [...runtimeArgs, file, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...env, HOME: "/nowhere", KUBECONFIG: "", ...more },
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (part: string) => text += part);
  }
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, text })));
}

test("kubectl rolecall explain reaches a server through kubectl port-forward", async (t) => {
  const dev = new DevProcess(["--manifests", manifests, "--log-level=error"]);
  t.after(() => dev.stop());
  const { host } = await dev.url("status");
  await dev.saw(/shop\/cart +role/);
  const folder = await mkdtemp(join(tmpdir(), "rolecall-"));
  t.after(() => rm(folder, { recursive: true }));
  const kubectl = join(folder, "kubectl");
  const says = `printf '%s\\n' "$*" >&2; echo "Forwarding from ${host} -> 9622"; exec sleep 60`;
  await writeFile(kubectl, `#!/bin/sh\n${says}\n`);
  await chmod(kubectl, 0o755);
  const path = { PATH: `${folder}${delimiter}${env["PATH"]}` };
  const { code, text } = await run(
    plugin,
    ["explain", "pod/cart", "-n", "shop", "--context=x"],
    path,
  );
  assert.match(text, /gets its credentials[^]*Source: the server at deploy\/rolecall-server/);
  assert.equal(code, 0);
});

test("kubectl rolecall --help shows the name that it is called by", async () => {
  const { code, text } = await run(plugin, ["help", "explain"]);
  assert.match(text, /^Usage: kubectl rolecall explain /);
  assert.equal(code, 0);
});

test("kubectl_complete-rolecall answers in the protocol of kubectl's completion", async () => {
  const { code, text } = await run(completion, ["migrate", ""]);
  assert.deepEqual([code, text], [0, "check\t\ngenerate\t\n:4\n"]);
});

// variable, exit code, what is written
const variables = [
  [{ ROLECALL_INTERFACES: "cni0" }, 2, /ROLECALL_INTERFACES: unknown variable; did you mean/],
  [{ ROLECALL_SERVER_PORT_8443_TCP: "tcp://10.0.0.1:8443" }, 0, /checked/],
  [{ ROLECALL_INTERFACE: "cni0" }, 0, /checked/],
] as const;

for (const [variable, code, text] of variables) {
  test(`a command with ${JSON.stringify(variable)}: ${code}`, async () => {
    const plain = fileURLToPath(new URL("../fixtures/manifests/no_roles.yaml", import.meta.url));
    const result = await run(plugin, ["check", plain], variable);
    assert.match(result.text, text);
    assert.equal(result.code, code);
  });
}

for (const name of ["rolecall", "kubectl-rolecall", "kubectl_complete-rolecall", "node_version"]) {
  test(`bin/${name}.js on Node 20: one line that says what it needs`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "rolecall-"));
    t.after(() => rm(folder, { recursive: true }));
    const file = join(folder, "old.mjs");
    const bin = new URL(`../../bin/${name}.js`, import.meta.url);
    await writeFile(
      file,
      `Object.defineProperty(process, "versions", { value: { node: "20.20.2" } });\n` +
        `await import("${bin}");\n`,
    );
    const { code, text } = await run(file, ["version"]);
    assert.match(text, /^rolecall needs Node 22\.19 or later, .* this is Node 20\.20\.2\. .*\n$/);
    assert.equal(code, 1);
  });
}
