/** `explain` as people call it, against a `dev` that runs: programs, sockets, exit codes. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { env, execPath, versions } from "node:process";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { DevProcess } from "./dev_process.ts";

const program = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const plugin = fileURLToPath(new URL("../../bin/kubectl-rolecall.js", import.meta.url));
const runtimeArgs = versions.deno === undefined ? [] : ["run", "-A", "--quiet"];
const manifests = fileURLToPath(new URL("../../dev/cluster.yaml", import.meta.url));

let dev: DevProcess;
let status: string;

before(async () => {
  dev = new DevProcess(["--manifests", manifests, "--log-level=error"]);
  status = (await dev.url("status")).origin;
  await dev.saw(/shop\/cart +role/);
});
after(async () => void await dev.stop());

function run(
  file: string,
  args: readonly string[],
): Promise<{ code: number | null; text: string }> {
  const child = spawn(execPath, [...runtimeArgs, file, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...env, HOME: "/nowhere", KUBECONFIG: "" },
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (part: string) => text += part);
  }
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, text })));
}

// the pod, exit code, what is written
const pods = [
  ["shop/cart", 0, /gets its credentials[^]* {2}ok +agent +\S+ on dev-node/],
  ["shop/curious", 3, /is denied \(NotPermitted\)[^]* {2}FAIL +role ARN/],
  ["shop/stranger", 3, /is denied \(CredentialsFailed\)[^]* {2}FAIL +credentials +STS denies/],
  ["shop/static-pages", 3, /has no role/],
  ["shop/nobody", 4, /no pod shop\/nobody/],
] as const;

for (const [pod, code, text] of pods) {
  test(`explain ${pod} against dev: ${code}`, async () => {
    const result = await run(program, ["explain", pod, `--server-status=${status}`]);
    assert.match(result.text, text);
    assert.equal(result.code, code);
  });
}

test("explain --all against dev: the five pods of its sample that are denied", async () => {
  const result = await run(program, ["explain", "--all", `--server-status=${status}`]);
  assert.match(result.text, /^5 denied, 5 causes\n/);
  assert.equal(result.code, 3);
});

test("kubectl-rolecall: the plugin is the program", async () => {
  const result = await run(plugin, ["explain", "shop/cart", `--server-status=${status}`]);
  assert.match(result.text, /gets its credentials/);
  assert.equal(result.code, 0);
});

test("migrate check: recognises kiam by the sample's namespaces, and reports the difference", async () => {
  const base = "--role-base-arn=arn:aws:iam::123456789012:role/";
  const result = await run(program, ["migrate", "check", manifests, base, "--from=kiam-v4"]);
  assert.match(result.text, /^\d+ pods compared with kiam-v4: \d+ get another answer\n/);
  assert.match(result.text, /gains-role[^]*shop\/search/);
  assert.equal(result.code, 3);
});
