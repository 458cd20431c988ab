/**
 * Builds the image of this clone and installs it in the cluster of kubectl's current context:
 * `deno task install:cluster`. On kind and k3d the image is loaded into the nodes; any other
 * cluster pulls it, so `--push` has to name a place that it can pull from.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { readProject } from "./project.ts";
import { root, run } from "./run.ts";

const overlays = join(root, "deploy/kustomize/overlays");

const usage = `usage: deno task install:cluster [flags]
  --overlay=NAME     a folder in deploy/kustomize/overlays, or a path to your own (default: dev)
  --push=IMAGE       pushes the image under this name, for clusters other than kind and k3d
  --builder=PROGRAM  docker, podman or nerdctl (default: docker)
`;

class Refusal extends Error {}

interface InstallOptions {
  readonly overlay: string;
  readonly push: string | undefined;
  readonly builder: string;
}

function parseOptions(args: string[]): InstallOptions {
  const options = {
    overlay: { type: "string", default: "dev" },
    push: { type: "string" },
    builder: { type: "string", default: "docker" },
  } as const;
  try {
    const { values } = parseArgs({ args, options });
    return { ...values, push: values.push, overlay: overlayFolder(values.overlay) };
  } catch (fault) {
    throw fault instanceof Refusal ? fault : new Refusal(`${(fault as Error).message}\n${usage}`);
  }
}

function overlayFolder(name: string): string {
  for (const folder of [join(overlays, name), resolve(name)]) {
    if (existsSync(join(folder, "kustomization.yaml"))) return folder;
  }
  const known = readdirSync(overlays).join(", ");
  throw new Refusal(
    `--overlay: "${name}" is neither a folder with a kustomization.yaml nor ${known}`,
  );
}

/** The command that loads an image into a cluster's nodes; null if they can only pull images. */
function loader(context: string): ((image: string) => string[]) | null {
  const [, program, cluster = ""] = /^(kind|k3d)-(.+)$/.exec(context) ?? [];
  if (program === "kind") {
    return (image) => ["kind", "load", "docker-image", image, "--name", cluster];
  }
  if (program === "k3d") return (image) => ["k3d", "image", "import", image, "--cluster", cluster];
  return null;
}

/** Runs a program with its output visible. */
function show([program = "", ...args]: readonly string[]): void {
  console.log(`$ ${[program, ...args].join(" ")}`);
  try {
    execFileSync(program, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  } catch (fault) {
    const { code } = fault as NodeJS.ErrnoException;
    throw new Refusal(`${program}: ${code === "ENOENT" ? "not found; install it" : "failed"}`);
  }
}

async function install({ overlay, push, builder }: InstallOptions): Promise<void> {
  const { version } = await readProject();
  const context = run("kubectl", "config", "current-context");
  const load = loader(context);
  if (load === null && push === undefined) {
    throw new Refusal(
      `--push is missing: nodes of the context "${context}" can't be loaded, only kind's and k3d's; ` +
        "name an image that they can pull, such as registry.example/me/rolecall",
    );
  }
  // A tag of its own for each state, so that nodes don't keep an older one.
  const tag = `${version}-${run("git", "describe", "--always", "--dirty")}`;
  const image = `${push ?? "rolecall"}:${tag}`;
  show([builder, "build", "--tag", image, "."]);
  show(push === undefined ? load!(image) : [builder, "push", image]);
  apply(overlay, image, tag);
}

function apply(overlay: string, image: string, newTag: string): void {
  const folder = mkdtempSync(join(tmpdir(), "rolecall-install-"));
  try {
    const newName = image.slice(0, image.lastIndexOf(":"));
    writeFileSync(
      join(folder, "kustomization.yaml"),
      JSON.stringify({
        resources: [relative(folder, overlay)],
        images: [{ name: "rolecall", newName, newTag }],
      }),
    );
    show(["kubectl", "apply", "-k", folder]);
    for (const workload of ["deployment/rolecall-server", "daemonset/rolecall-agent"]) {
      show(["kubectl", "rollout", "status", "-n", "rolecall", workload, "--timeout=180s"]);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

try {
  await install(parseOptions(process.argv.slice(2)));
} catch (fault) {
  if (!(fault instanceof Refusal)) throw fault;
  console.error(`install:cluster: ${fault.message}`);
  process.exit(2);
}
