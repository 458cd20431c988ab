/**
 * The system test: real kube-apiserver, etcd, STS (moto), firewall rules and AWS clients around the
 * program as it is shipped. Makes what it needs once, then runs each part in fresh network, mount
 * and process namespaces, so that nothing it starts outlives it and nothing of the machine is
 * touched. `--part=deno|federated|node|filters|watching|soak` and a piece of scenarios' names select what runs.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { clients } from "../clients/clients.ts";
import { kubeBinary, motoBin, nodeBinary, watchingBins } from "./builds.ts";
import { countFile, type Given, type Part } from "./inside.ts";
import type { Count } from "./report.ts";
import { missing } from "./requirements.ts";

/** Nothing was tested, since the machine lacks something. */
const cannotRun = 3;
const titles: Readonly<Record<Part, string>> = {
  filters: "packet filters by themselves",
  deno: "the whole on Deno",
  federated: "a part of it by ServiceAccounts' tokens, with a server without rights at AWS",
  node: "a part of it on Node",
  soak: "faults at random for half a minute",
  watching: "the status page in a browser, alerts by promtool, the documentation's commands",
};

async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    options: { part: { type: "string" } },
    allowPositionals: true,
  });
  const lacking = await missing();
  for (const line of lacking) console.error(`test:system: missing: ${line}`);
  if (lacking.length > 0) return cannotRun;
  console.log("making or finding Kubernetes, moto and Node (minutes, the first time)");
  const builds = { kube: await kubeBinary(), python: await motoBin(), node: await nodeBinary() };
  const logs = mkdtempSync(join(tmpdir(), "rolecall-system-"));
  const parts = (Object.keys(titles) as Part[]).filter((part) => part === (values.part ?? part));
  if (parts.includes("deno")) await prepareClients(builds.node);
  const bins = parts.includes("watching") ? await watchingBins() : [];
  const sum = { passed: 0, failed: 0 };
  for (const part of parts) {
    const { passed, failed } = await play({
      ...builds,
      bins,
      logs,
      part,
      only: positionals[0] ?? "",
    });
    sum.passed += passed;
    sum.failed += failed;
  }
  const good = sum.failed === 0 && sum.passed > 0;
  if (good) rmSync(logs, { recursive: true });
  else console.log(`\nthe programs' logs: ${logs}`);
  console.log(`\n${sum.passed} passed, ${sum.failed} failed`);
  return good ? 0 : 1;
}

/** Out here, since the parts' namespaces have no way to the registries. */
async function prepareClients(node: string): Promise<void> {
  console.log("making or finding the AWS clients");
  for (const { prepare } of clients) await prepare(node);
}

/** A part that ends without leaving its count has failed. */
async function play(given: Given): Promise<Count> {
  console.log(`\n== ${titles[given.part]}`);
  await inside(JSON.stringify(given));
  const file = countFile(given.logs, given.part);
  if (!existsSync(file)) return { passed: 0, failed: 1 };
  return JSON.parse(readFileSync(file, "utf8")) as Count;
}

/** Runs inside.ts as the first process of new namespaces; when that ends, all of them end. */
function inside(given: string): Promise<void> {
  const script = fileURLToPath(new URL("inside.ts", import.meta.url));
  const spaces = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const command = [...spaces, "--", process.execPath, "run", "-A", script, given];
  const child = spawn("unshare", command, { stdio: ["ignore", "inherit", "inherit"] });
  const stop = () => endInner(child.pid ?? 0);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      stop();
      child.once("exit", () => process.exit(130));
    });
  }
  return new Promise((resolve) => child.once("exit", () => resolve()));
}

/** `unshare` keeps signals to itself; its only child gets them from here. */
function endInner(unshare: number): void {
  const list = `/proc/${unshare}/task/${unshare}/children`;
  const [child] = existsSync(list) ? readFileSync(list, "utf8").trim().split(" ") : [];
  if (child) process.kill(Number(child), "SIGTERM");
}

process.exit(await main(process.argv.slice(2)));
