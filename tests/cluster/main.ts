/**
 * The whole-node test: image, kustomize overlay, kubelet, containerd, CNI and kube-proxy as they are.
 * With KUBECONFIG it runs on that cluster, else it makes what it needs once, brings up two nodes in
 * namespaces of their own and leaves nothing behind. `--keep` plays nothing and leaves the nodes up to
 * be looked at, until it is signalled. `--images` makes the images and prints their archives' paths.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { kubeBinary, motoBin } from "../system/builds.ts";
import { customResources } from "./custom_resources.ts";
import { imageArchives } from "./images.ts";
import { playOnGivenCluster } from "./given_cluster.ts";
import { keep } from "./keep.ts";
import { missing } from "./requirements.ts";
import { variantImages } from "./variant_images.ts";

/** Nothing was tested, since the machine lacks something. */
const cannotRun = 3;

async function main(args: readonly string[]): Promise<number> {
  if (process.env["KUBECONFIG"]) return await playOnGivenCluster(process.env, args[0]);
  const lacking = await missing();
  for (const line of lacking) console.error(`test:cluster: missing: ${line}`);
  if (lacking.length > 0) return cannotRun;
  if (args[0] === "--images") {
    for (const path of await imageArchives()) console.log(path);
    return 0;
  }
  console.log("making or finding Kubernetes, moto and images (minutes, the first time)");
  const builds = {
    kube: await kubeBinary(),
    python: await motoBin(),
    images: await imageArchives(),
    customResources: await customResources(),
  };
  await variantImages();
  const logs = mkdtempSync(join(tmpdir(), "rolecall-cluster-"));
  const code = await inside([JSON.stringify({ ...builds, logs }), ...args]);
  if (code === 0) rmSync(logs, { recursive: true });
  else console.log(`the programs' logs: ${logs}`);
  return code;
}

/** Runs inside.ts as the first process of new namespaces; when that ends, all of them end. */
function inside(args: readonly string[]): Promise<number> {
  const script = fileURLToPath(new URL("inside.ts", import.meta.url));
  const spaces = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const command = [...spaces, "--", process.execPath, "run", "-A", script, ...args];
  const child = spawn("unshare", command, { stdio: ["ignore", "inherit", "inherit"] });
  if (args.includes(keep)) {
    const first = `$(cat /proc/${child.pid}/task/${child.pid}/children)`;
    console.log(`enter with: nsenter -t ${first} -m -n -p bash`);
  }
  const pass = () => endInner(child.pid ?? 0);
  process.on("SIGINT", pass);
  process.on("SIGTERM", pass);
  return new Promise((resolve) => {
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

/** `unshare` keeps signals to itself; its only child gets them from here. */
function endInner(unshare: number): void {
  const list = `/proc/${unshare}/task/${unshare}/children`;
  const [child] = existsSync(list) ? readFileSync(list, "utf8").trim().split(" ") : [];
  if (child) process.kill(Number(child), "SIGTERM");
}

process.exit(await main(process.argv.slice(2)));
