/**
 * The part of the system test that runs in namespaces of its own: brings the stage up, plays the
 * scenarios on it, takes it down, prints `N passed, N failed`. An argument selects scenarios by a
 * part of their name.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { fabricAddress, secondFabricAddress } from "./network.ts";
import { must, plainEnv, run } from "./programs.ts";
import { type Count, runScenarios } from "./report.ts";
import { denoRuntime, nodeRuntime, type Runtime } from "./rolecall.ts";
import { all, small } from "./scenarios/mod.ts";
import { type Builds, Stage } from "./stage.ts";

interface Given extends Builds {
  readonly logs: string;
}

const hosts = `127.0.0.1 localhost
${fabricAddress} rolecall-server
${secondFabricAddress} rolecall-server
`;

/** `/run` and `/etc/hosts` of its own, which the machine doesn't see. */
async function ownFiles(): Promise<void> {
  await must(["mount", "-t", "tmpfs", "tmpfs", "/run"]);
  writeFileSync("/run/hosts", hosts);
  await must(["mount", "--bind", "/run/hosts", "/etc/hosts"]);
}

async function play(
  title: string,
  runtime: Runtime,
  given: Given,
  scenarios: typeof all,
  count: Count,
): Promise<void> {
  const wanted = scenarios.filter((one) => one.name.includes(process.argv[3] ?? ""));
  if (wanted.length === 0) return;
  console.log(`\n== ${title}`);
  const logs = join(given.logs, title.toLowerCase());
  mkdirSync(logs, { recursive: true });
  const start = performance.now();
  const stage = await Stage.open(runtime, given, logs, console.log);
  stopping = () => stage.close();
  console.log(`stage up after ${((performance.now() - start) / 1000).toFixed(1)} s`);
  try {
    await runScenarios(stage, wanted, count, console.log);
  } finally {
    await stage.close();
    stopping = undefined;
  }
}

/** The packet filters by themselves, with every tool that can set them. */
async function playRedirectTests(count: Count): Promise<void> {
  const file = fileURLToPath(new URL("redirect_test.ts", import.meta.url));
  console.log("\n== packet filters");
  const env = plainEnv({ NO_COLOR: "1" });
  const tests = await run([process.execPath, "test", "-A", file], { env, timeoutMs: 600_000 });
  console.log(tests.stdout + tests.stderr);
  const [, passed = "0", failed = "1"] = /\| (\d+) passed .*\| (\d+) failed/.exec(tests.stdout) ??
    / (\d+) passed \| (\d+) failed/.exec(tests.stdout) ?? [];
  count.passed += Number(passed);
  count.failed += tests.code === 0 ? 0 : Math.max(1, Number(failed));
}

let stopping: (() => Promise<void>) | undefined;

async function main(): Promise<number> {
  const given = JSON.parse(process.argv[2] ?? "{}") as Given;
  await ownFiles();
  const count = { passed: 0, failed: 0 };
  if (process.argv[3] === undefined) await playRedirectTests(count);
  await play("Deno", denoRuntime(process.execPath), given, all, count);
  await play("Node", nodeRuntime(given.node), given, small, count);
  console.log(`\n${count.passed} passed, ${count.failed} failed`);
  return count.failed === 0 && count.passed > 0 ? 0 : 1;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, async () => {
    await stopping?.();
    process.exit(130);
  });
}

try {
  process.exit(await main());
} catch (error) {
  console.error(error);
  console.log("0 passed, 1 failed");
  process.exit(1);
}
