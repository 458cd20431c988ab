/**
 * The soak by itself: `deno run -A tests/soak/main.ts [SECONDS] [kernel|runtime]`, an hour by
 * default, identified by the kernel, as root on Linux: it runs in namespaces of its own, where
 * `rolecall-server` has two addresses. A line of figures now and then; exit 1 where an answer was
 * wrong or a pod was left without.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { podNetwork, serverAddresses } from "./cluster.ts";
import { soak } from "./soak.ts";

const [seconds = "3600", identity = "kernel", inside] = process.argv.slice(2);

function command(program: string, ...args: string[]): number {
  return spawnSync(program, args, { stdio: "inherit" }).status ?? 1;
}

function insideNamespaces(): number {
  const script = fileURLToPath(import.meta.url);
  const runtime = "deno" in process.versions ? ["run", "-A", "--quiet"] : [];
  const spaces = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"];
  return command(
    "unshare",
    ...spaces,
    process.execPath,
    ...runtime,
    script,
    seconds,
    identity,
    "inside",
  );
}

function ownNetwork(): void {
  const hosts = ["127.0.0.1 localhost", ...serverAddresses.map((ip) => `${ip} rolecall-server`)];
  command("ip", "link", "set", "lo", "up");
  command("ip", "route", "add", "local", podNetwork, "dev", "lo");
  command("mount", "-t", "tmpfs", "tmpfs", "/run");
  writeFileSync("/run/hosts", `${hosts.join("\n")}\n`);
  command("mount", "--bind", "/run/hosts", "/etc/hosts");
}

if (inside !== "inside") process.exit(insideNamespaces());
ownNetwork();
if (identity !== "kernel" && identity !== "runtime") throw new Error(`no such source: ${identity}`);
const print = (line: string) => console.log(line);
const result = await soak({ seconds: Number(seconds), identity, print });
const { samples: _, ...counts } = result;
console.log(JSON.stringify({ seconds: Number(seconds), identity, ...counts }));
const good = result.wrong === 0 && result.stuck === 0 && (result.answers[200] ?? 0) > 0;
process.exit(good ? 0 : 1);
