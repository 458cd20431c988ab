/**
 * The pages' `console cluster` blocks as a reader would type them, from a cluster without Rolecall
 * to one without it again. All pages share one checkout, and the reader's overlay in it, as each page
 * shows it. moto's STS is in the base's settings.
 */
import assert from "node:assert/strict";
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import {
  type DocumentedCommand,
  documentedCommands,
  documentedFiles,
  outputPattern,
  pages,
} from "../../docs/command_blocks.ts";
import { must, plainEnv, run, Running } from "../../system/programs.ts";
import { stsUrl } from "../../system/sts.ts";
import { until } from "../../system/until.ts";
import { awsCliImage, rolecallImage } from "../images.ts";
import type { Site } from "../site.ts";
import type { ClusterScenario } from "./mod.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const text = new Map(pages());
/** The image's name in the overlays that pages show. */
const imageName = "registry.example.com/rolecall:0.1.0";
const workloads = ["deployment/rolecall-server", "daemonset/rolecall-agent"];
let checkout: string | undefined;

export const documentation: readonly ClusterScenario[] = [
  {
    name: "README.md: from kubectl apply to a pod's own role",
    ownNodes: true,
    run: async (site) => {
      for (const node of site.own!.nodes) {
        const tag = ["ctr", "-n", "k8s.io", "images", "tag", rolecallImage, imageName];
        await must(node.inside(tag));
      }
      const { kubectl } = site;
      await removeShop(site);
      await kubectl.do(["create", "namespace", "shop"]);
      await kubectl.do(["run", "cart", "-n", "shop", `--image=${awsCliImage}`, ...sleeping]);
      await follow(site, "README.md");
      await removeShop(site);
    },
  },
  {
    name: "docs/operations.md: status page and monitoring",
    ownNodes: true,
    run: async (site) => {
      const { kubectl, own } = site;
      await kubectl.define(own!.customResources);
      await rolledOut(site);
      await follow(site, "docs/operations.md", async () => {
        const url = "http://127.0.0.1:9622/";
        assert.equal((await fetch(url)).status, 401);
        const whose = ["-n", "rolecall", "rolecall-status", "--audience=rolecall-status"];
        const authorization = `Bearer ${(await kubectl.do(["create", "token", ...whose])).trim()}`;
        const page = await fetch(url, { headers: { authorization } });
        assert.match(await page.text(), /<h2 id="health-title">Health<\/h2>/);
      });
      const rules = await kubectl.get("prometheusrules", "-n", "rolecall");
      assert.equal(rules.items.length, 1);
    },
  },
  {
    name: "docs/getting-started.md, docs/explain.md: from your own overlay to explain",
    ownNodes: true,
    run: async (site) => {
      await follow(site, "docs/getting-started.md");
      await rolledOut(site);
      await follow(site, "docs/explain.md");
    },
  },
  {
    name: "docs/admission.md: a pod with a role that isn't permitted is refused",
    ownNodes: true,
    run: (site) => follow(site, "docs/admission.md"),
  },
  {
    name: "docs/troubleshooting.md: rules, Events and logs",
    ownNodes: true,
    run: async (site) => {
      await rolledOut(site);
      await follow(site, "docs/troubleshooting.md");
    },
  },
  {
    name: "docs/deploying.md: installed, upgraded, and removed with every rule",
    ownNodes: true,
    run: async (site) => {
      await follow(site, "docs/deploying.md");
      rmSync(checkout!, { recursive: true });
      for (const node of site.own!.nodes) {
        assert.doesNotMatch(await must(node.inside(["iptables-save"])), /ROLECALL/);
      }
    },
  },
];

const sleeping = ["--command", "--", "sleep", "900"];

/** The namespace of pages, and of other scenarios. */
async function removeShop({ kubectl }: Site): Promise<void> {
  const args = ["delete", "namespace", "shop", "--ignore-not-found", "--timeout=120s"];
  await kubectl.do(args, undefined, 130_000);
}

/** What an earlier page applied is there, so that commands tried once find no container missing. */
async function rolledOut({ kubectl }: Site): Promise<void> {
  for (const name of workloads) await kubectl.rolledOut("rolecall", name);
}

/** Runs a page's commands in order; `then` runs while background commands are still running. */
async function follow(site: Site, page: string, then?: () => Promise<void>): Promise<void> {
  const folder = checkout ??= makeCheckout();
  const markdown = text.get(page) ?? "";
  for (const [name, content] of documentedFiles(markdown)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  const commands = documentedCommands(markdown, "cluster");
  assert.ok(commands.length > 0, page);
  const background: Running[] = [];
  try {
    for (const documented of commands) {
      if (documented.command.endsWith(" &")) {
        background.push(await startInBackground(site, documented, folder));
      } else await runUntilShown(site, documented, folder);
    }
    await then?.();
  } finally {
    for (const running of background) await running.stop();
  }
}

/** A checkout whose manifests can be written to, as a reader writes overlays of his own. */
function makeCheckout(): string {
  const folder = mkdtempSync(join(tmpdir(), "rolecall-checkout-"));
  for (const name of readdirSync(root)) {
    if (name === "deploy") cpSync(join(root, name), join(folder, name), { recursive: true });
    else if (!name.startsWith(".")) symlinkSync(join(root, name), join(folder, name));
  }
  const settings = join(folder, "deploy/kustomize/base/server.env");
  appendFileSync(settings, `ROLECALL_STS_ENDPOINT=${stsUrl}\nROLECALL_REGION=eu-west-1\n`);
  return folder;
}

/** A command with an output is repeated until it prints that: annotations take a moment to arrive. */
async function runUntilShown(site: Site, { command, output }: DocumentedCommand, folder: string) {
  const refused = output[0]?.startsWith("Error from server") ?? false;
  const once = async () => {
    const { code, stdout, stderr } = await run(commandLine(site, command), {
      cwd: folder,
      env: environment(site),
      timeoutMs: 300_000,
    });
    if ((code !== 0) !== refused) throw new Error(`${command}: exit ${code}\n${stdout}${stderr}`);
    return (refused ? stderr : stdout).replace(/^Task .*\n/, "").trimEnd() + "\n";
  };
  if (output.length === 0) return await once();
  await until(command, async () => {
    const got = await once();
    if (outputPattern(output).test(got)) return true;
    throw new Error(got);
  }, { within: 240_000, every: 1000 });
}

async function startInBackground(site: Site, { command }: DocumentedCommand, folder: string) {
  const log = join(folder, `${crypto.randomUUID()}.log`);
  const own = `exec ${command.replace(/ &$/, "")}`;
  const running = new Running(command, commandLine(site, own), log, {
    env: environment(site),
    cwd: folder,
  });
  await until(command, () => running.log().includes("Forwarding from"), { within: 120_000 });
  return running;
}

/** Commands about packet filters run on a node. */
function commandLine(site: Site, command: string): string[] {
  const shell = ["bash", "-c", command];
  return command.startsWith("iptables") ? site.own!.nodes[0]!.inside(shell) : shell;
}

function environment({ kubectl }: Site): Record<string, string> {
  const PATH = `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`;
  return plainEnv({ KUBECONFIG: kubectl.kubeconfig, NO_COLOR: "1", PATH });
}
