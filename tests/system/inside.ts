/**
 * One part of the system test, run as the first process of its own namespaces: sets up
 * the stage, runs the scenarios, takes the stage down and writes the result to a file.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { fabricAddress, secondFabricAddress } from "./network.ts";
import { must, plainEnv, run } from "./programs.ts";
import { type Count, noteUnawaited, runScenarios, unawaitedFaults } from "./report.ts";
import { denoRuntime, nodeRuntime, type Runtime } from "./rolecall.ts";
import { all, small, withoutRights } from "./scenarios/mod.ts";
import { federatedRoles } from "./scenarios/web_identity.ts";
import { type Builds, Stage, type Staging } from "./stage.ts";

export type Part = "filters" | "deno" | "federated" | "node" | "watching" | "soak";

export interface Given extends Builds {
  readonly part: Part;
  readonly logs: string;
  /** Folders of further programs that tests of Deno's runner start. */
  readonly bins: readonly string[];
  /** Only scenarios whose name has this in it. */
  readonly only: string;
}

/** Where a part leaves what it counted. */
export function countFile(logs: string, part: Part): string {
  return join(logs, `${part}.count.json`);
}

const hosts = `127.0.0.1 localhost
${fabricAddress} rolecall-server
${secondFabricAddress} rolecall-server
`;

/** Private `/run` and `/etc/hosts`, which the machine doesn't see. */
async function ownFiles(): Promise<void> {
  await must(["mount", "-t", "tmpfs", "tmpfs", "/run"]);
  writeFileSync("/run/hosts", hosts);
  await must(["mount", "--bind", "/run/hosts", "/etc/hosts"]);
}

interface Play {
  readonly runtime: Runtime;
  readonly scenarios: typeof all;
  readonly federated?: Staging["federated"];
}

async function play(
  { runtime, scenarios, federated }: Play,
  given: Given,
  count: Count,
): Promise<void> {
  const logs = join(given.logs, given.part);
  mkdirSync(logs, { recursive: true });
  const start = performance.now();
  const stage = await Stage.open(runtime, given, {
    folder: logs,
    print: console.log,
    ...(federated && { federated }),
  });
  stopping = () => stage.close();
  console.log(`stage up after ${((performance.now() - start) / 1000).toFixed(1)} s`);
  const wanted = scenarios.filter((one) => one.name.includes(given.only));
  try {
    await runScenarios(stage, wanted, count, console.log);
  } finally {
    await stage.close();
  }
}

/** Tests of Deno's runner: packet filters with every tool, page, alerts, the cache. */
async function playTests(paths: readonly string[], given: Given, count: Count): Promise<void> {
  const files = paths.map((path) => fileURLToPath(new URL(path, import.meta.url)));
  await must(["ip", "link", "set", "lo", "up"]);
  // moto's Python has the boto3 that pages show.
  const PATH = [given.python, ...given.bins, process.env["PATH"] ?? ""].join(":");
  const env = plainEnv({ NO_COLOR: "1", PATH });
  const tests = await run([process.execPath, "test", "-A", ...files], { env, timeoutMs: 600_000 });
  console.log(tests.stdout + tests.stderr);
  const [, passed = "0", failed = "1"] = /\| (\d+) passed.* \| (\d+) failed/.exec(tests.stdout) ??
    [];
  count.passed += Number(passed);
  count.failed += tests.code === 0 ? 0 : Math.max(1, Number(failed));
}

/** The soak's short form: it exits with 0 if no answer was wrong and every pod had credentials. */
async function playSoak(count: Count): Promise<void> {
  const script = fileURLToPath(new URL("../soak/main.ts", import.meta.url));
  const command = [process.execPath, "run", "-A", script, "30"];
  const soaked = await run(command, { timeoutMs: 600_000 });
  console.log(soaked.stdout + soaked.stderr);
  if (soaked.code === 0) count.passed++;
  else count.failed++;
}

let stopping: (() => Promise<void>) | undefined;

function playPart(given: Given, count: Count): Promise<void> {
  if (given.part === "filters") {
    return playTests(
      [
        "report_test.ts",
        "cache_test.ts",
        "redirect_test.ts",
        "redirect_repair_test.ts",
        "boot_guard_test.ts",
        "route_guard_test.ts",
        "beside_kiam_test.ts",
        "kernel_identity_test.ts",
      ],
      given,
      count,
    );
  }
  if (given.part === "soak") return playSoak(count);
  if (given.part === "watching") {
    return playTests(["../page", "../monitoring", "../docs"], given, count);
  }
  const deno = denoRuntime(process.execPath);
  if (given.part === "deno") return play({ runtime: deno, scenarios: all }, given, count);
  if (given.part === "federated") {
    const federated = federatedRoles;
    return play({ runtime: deno, scenarios: withoutRights, federated }, given, count);
  }
  return play({ runtime: nodeRuntime(given.node), scenarios: small }, given, count);
}

async function main(given: Given): Promise<number> {
  noteUnawaited();
  await ownFiles();
  const count = { passed: 0, failed: 0 };
  try {
    await playPart(given, count);
  } catch (fault) {
    console.error(fault);
    count.failed++;
  }
  const unawaited = unawaitedFaults();
  if (unawaited !== undefined) {
    console.error(unawaited);
    count.failed++;
  }
  writeFileSync(countFile(given.logs, given.part), JSON.stringify(count));
  return count.failed === 0 ? 0 : 1;
}

if (import.meta.main) {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, async () => {
      await stopping?.();
      process.exit(130);
    });
  }
  process.exit(await main(JSON.parse(process.argv[2] ?? "{}")));
}
