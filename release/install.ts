/**
 * Builds the image of this clone and installs it in the cluster of kubectl's current context:
 * `deno task install:cluster`. On kind and k3d the image is loaded into the nodes; any other
 * cluster pulls it, so `--push` has to name a place that it can pull from.
 */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { readProject } from "./project.ts";
import { inTemporaryFolder, Refusal, root, run, show } from "./run.ts";

const overlays = join(root, "deploy/kustomize/overlays");

const usage = `usage: deno task install:cluster [flags]
  --overlay=NAME     a folder in deploy/kustomize/overlays, or a path to your own (default: dev)
  --push=IMAGE       pushes the image under this name, for clusters other than kind and k3d
  --builder=PROGRAM  docker, podman or nerdctl (default: docker)
  --help             prints this
`;

interface InstallOptions {
  readonly overlay: string;
  readonly push: string | undefined;
  readonly builder: string;
}

/** Null if only help is wanted. */
function parseOptions(args: string[]): InstallOptions | null {
  const options = {
    help: { type: "boolean", short: "h", default: false },
    overlay: { type: "string", default: "dev" },
    push: { type: "string" },
    builder: { type: "string", default: "docker" },
  } as const;
  try {
    const { values } = parseArgs({ args, options });
    if (values.help) return null;
    return { ...values, push: values.push || undefined, overlay: overlayFolder(values.overlay) };
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

/** The command that loads an archive into a cluster's nodes; null if they can only pull images. */
function loader(context: string): ((archive: string) => string[]) | null {
  const [, program, cluster = ""] = /^(kind|k3d)-(.+)$/.exec(context) ?? [];
  if (program === "kind") {
    return (archive) => ["kind", "load", "image-archive", archive, "--name", cluster];
  }
  if (program === "k3d") {
    return (archive) => ["k3d", "image", "import", archive, "--cluster", cluster];
  }
  return null;
}

async function install({ overlay, push, builder }: InstallOptions): Promise<void> {
  const { version } = await readProject();
  const context = run("kubectl", "config", "current-context");
  const load = loader(context);
  if (load === null && push === undefined) {
    throw new Refusal(
      `--push is missing: nodes of the context "${context}" can't be loaded, only kind's and k3d's; ` +
        "name an image that they can pull, such as registry.example.com/rolecall",
    );
  }
  // A tag of its own for each state, also between commits, so that nodes don't keep an older one.
  const state = run("git", "stash", "create") || "HEAD";
  const tag = `${version}-${run("git", "rev-parse", "--short", state)}`;
  // podman calls an image without a registry localhost/…, and so do nodes that load its archive.
  const image = `${push ?? "localhost/rolecall"}:${tag}`;
  show([builder, "build", "--tag", image, "."]);
  if (push === undefined) {
    inTemporaryFolder((folder) => {
      const archive = join(folder, "image.tar");
      show([builder, "save", "--output", archive, image]);
      show(load!(archive));
    });
  } else {
    show([builder, "push", image]);
  }
  apply(overlay, image, tag);
}

function apply(overlay: string, image: string, newTag: string): void {
  inTemporaryFolder((folder) => {
    const newName = image.slice(0, image.lastIndexOf(":"));
    writeFileSync(
      join(folder, "kustomization.yaml"),
      JSON.stringify({
        resources: [relative(folder, overlay)],
        images: [{ name: "rolecall", newName, newTag }],
      }),
    );
    show(["kubectl", "apply", "-k", folder]);
  });
  for (const workload of ["deployment/rolecall-server", "daemonset/rolecall-agent"]) {
    show(["kubectl", "rollout", "status", "-n", "rolecall", workload, "--timeout=180s"]);
  }
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === null) process.stdout.write(usage);
  else await install(options);
} catch (fault) {
  if (!(fault instanceof Refusal)) throw fault;
  console.error(`install:cluster: ${fault.message}`);
  process.exit(2);
}
