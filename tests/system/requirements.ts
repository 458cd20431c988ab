/** What the system test needs from the machine and can't install itself. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { run } from "./programs.ts";

/** Program and the Debian package that has it. */
const programs = [
  ["etcd", "etcd-server"],
  ["go", "golang-go, 1.24 or newer"],
  ["ip", "iproute2"],
  ["iptables", "iptables"],
  ["nft", "nftables"],
  ["conntrack", "conntrack"],
  ["unshare", "util-linux"],
  ["nsenter", "util-linux"],
  ["setpriv", "util-linux"],
  ["mount", "mount"],
  ["chromium", "chromium"],
  ["curl", "curl"],
  ["prometheus", "prometheus"],
  ["promtool", "prometheus"],
  ["npm", "npm"],
  ["flock", "util-linux"],
  ["mvn", "maven"],
  ["javac", "default-jdk-headless"],
  ["cargo", "cargo-web, 1.94 or newer"],
  ["rclone", "rclone"],
  ["faketime", "faketime"],
] as const;

/** One line for each thing that is missing; none means that the test can run. */
export async function missing(): Promise<string[]> {
  if (process.platform !== "linux") {
    return [`Linux: network namespaces and iptables are used, this is ${process.platform}`];
  }
  const lines = programs.filter(([program]) => !found(program)).map(
    ([program, from]) => `program ${program} (Debian: ${from})`,
  );
  if (process.getuid?.() !== 0) {
    lines.push("root: network namespaces and firewall rules are made");
    return lines;
  }
  if (!found("unshare") || !found("ip")) return lines;
  const tried = await run(["unshare", "--net", "--mount", "--pid", "--fork", "--", "ip", "link"]);
  if (tried.code !== 0) lines.push(`the right to make namespaces: ${tried.stderr.trim()}`);
  const venv = await run([python(), "-c", "import venv, ensurepip"]).catch(() => undefined);
  if (venv?.code !== 0) lines.push("Python 3 with venv (Debian: python3-venv)");
  return lines;
}

/** Debian's own Python where it is there: the one that python3-venv belongs to. */
export function python(): string {
  return executable("/usr/bin/python3") ? "/usr/bin/python3" : "python3";
}

function found(program: string): boolean {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.some((folder) => executable(join(folder, program)));
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
