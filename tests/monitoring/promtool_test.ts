/** Checks the metrics, and the alerts on sample histories, with promtool. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse, stringify } from "yaml";
import { DevProcess, send } from "../runtime/dev_process.ts";

const monitoring = fileURLToPath(new URL("../../deploy/monitoring/", import.meta.url));

function promtool(args: readonly string[], input = ""): string {
  const { status, stdout, stderr } = spawnSync("promtool", args, { input, encoding: "utf8" });
  assert.equal(status, 0, stdout + stderr);
  return stdout + stderr;
}

test("promtool check metrics: no complaint about agent's and server's metrics", async () => {
  const dev = new DevProcess([]);
  try {
    const metrics = await dev.url("metrics");
    await dev.saw(/127\.0\.0\.10 +strict\/careful +role arn:\S+\n/);
    await send(await dev.url("agent"), "/latest/meta-data/iam/security-credentials/");
    const { text } = await send(metrics, "/metrics");
    assert.match(text, /rolecall_agent_requests_total\{handler="roles",code="200"\} 1/);
    assert.match(text, /rolecall_server_sts_calls_total\{outcome="ok"\} /);
    assert.equal(promtool(["check", "metrics"], text), "");
  } finally {
    await dev.stop();
  }
});

test("promtool test rules: each alert fires when it should, and only then", async () => {
  const folder = await mkdtemp(join(tmpdir(), "rolecall-rules-"));
  const { spec } = parse(await readFile(join(monitoring, "rules.yaml"), "utf8"));
  const plain = join(folder, "rules.plain.yaml");
  await writeFile(plain, stringify(spec));
  await copyFile(join(monitoring, "rules_test.yaml"), join(folder, "rules_test.yaml"));
  assert.match(promtool(["check", "rules", plain]), /SUCCESS: \d+ rules found/);
  assert.match(promtool(["test", "rules", join(folder, "rules_test.yaml")]), /SUCCESS/);
  await rm(folder, { recursive: true });
});
