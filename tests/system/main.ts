/**
 * The system test: real kube-apiserver, etcd, STS (moto), firewall rules and AWS clients around the
 * program as it is shipped. Makes what it needs once, then runs each part in fresh network, mount
 * and process namespaces, so that nothing it starts outlives it and nothing of the machine is
 * touched. `--part=deno|federated|node|filters|watching|soak` and a piece of scenarios' names select what runs.
 */
import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
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
/** The parts of a line run in parallel, since they mostly wait. */
const order: readonly (readonly Part[])[] = [
  ["filters"],
  ["deno"],
  ["federated", "node"],
  ["watching", "soak"],
];
const titles: Readonly<Record<Part, string>> = {
  filters: "packet filters alone",
  deno: "everything on Deno",
  federated: "some scenarios with ServiceAccount tokens, and a server without AWS permissions",
  node: "some scenarios on Node",
  soak: "random faults for half a minute",
  watching: "the status page in a browser, alerts in promtool, the documentation's commands",
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
  console.log("preparing Kubernetes, moto and Node (minutes, the first time)");
  const builds = { kube: await kubeBinary(), python: await motoBin(), node: await nodeBinary() };
  const logs = mkdtempSync(join(tmpdir(), "rolecall-system-"));
  const parts = (Object.keys(titles) as Part[]).filter((part) => part === (values.part ?? part));
  if (parts.includes("deno")) await prepareClients(builds.node);
  const bins = parts.includes("watching") ? await watchingBins() : [];
  const sum = { passed: 0, failed: 0 };
  for (const line of order) {
    const wanted = line.filter((part) => parts.includes(part));
    const given = { ...builds, bins, logs, only: positionals[0] ?? "" };
    for (const { passed, failed } of await playTogether(wanted, given)) {
      sum.passed += passed;
      sum.failed += failed;
    }
  }
  const good = sum.failed === 0 && sum.passed > 0;
  if (good) rmSync(logs, { recursive: true });
  else console.log(`\nthe programs' logs: ${logs}`);
  console.log(`\n${sum.passed} passed, ${sum.failed} failed`);
  return good ? 0 : 1;
}

/** Here, since the parts' namespaces can't reach the registries. If one fails, its scenarios fail. */
async function prepareClients(node: string): Promise<void> {
  console.log("preparing the AWS clients");
  for (const { prepare } of clients) await prepare(node).catch(console.error);
}

/** Shows the first one's output as it comes, the others' once all have ended. */
async function playTogether(parts: readonly Part[], given: Omit<Given, "part">): Promise<Count[]> {
  const played = parts.map(async (part, at) => {
    const shown = at === 0 ? undefined : join(given.logs, `${part}.output`);
    if (shown === undefined) console.log(`\n== ${titles[part]}`);
    const count = await play({ ...given, part }, shown);
    return { part, shown, count };
  });
  const ended = await Promise.all(played);
  for (const { part, shown } of ended) {
    if (shown !== undefined) console.log(`\n== ${titles[part]}\n${readFileSync(shown, "utf8")}`);
  }
  return ended.map(({ count }) => count);
}

/** A part that leaves no count has failed. */
async function play(given: Given, output?: string): Promise<Count> {
  await inside(JSON.stringify(given), output);
  const file = countFile(given.logs, given.part);
  if (!existsSync(file)) return { passed: 0, failed: 1 };
  return JSON.parse(readFileSync(file, "utf8")) as Count;
}

/** Runs inside.ts as the first process of new namespaces; when that ends, all of them end. */
function inside(given: string, output?: string): Promise<void> {
  const script = fileURLToPath(new URL("inside.ts", import.meta.url));
  const spaces = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const command = [...spaces, "--", process.execPath, "run", "-A", script, given];
  const out = output === undefined ? "inherit" : openSync(output, "w");
  const child = spawn("unshare", command, { stdio: ["ignore", out, out] });
  if (out !== "inherit") closeSync(out);
  const stop = () => endInner(child.pid ?? 0);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      stop();
      child.once("exit", () => process.exit(130));
    });
  }
  return new Promise((resolve) => child.once("exit", () => resolve()));
}

/** `unshare` doesn't pass signals on, so they are sent to its only child. */
function endInner(unshare: number): void {
  const list = `/proc/${unshare}/task/${unshare}/children`;
  const [child] = existsSync(list) ? readFileSync(list, "utf8").trim().split(" ") : [];
  if (child) process.kill(Number(child), "SIGTERM");
}

process.exit(await main(process.argv.slice(2)));
