/**
 * Builds the images of a release, on Deno and on Node, each for every platform, and pushes them:
 * `deno run -A release/images.ts build`, then `push`. Needs buildah, and skopeo to look up the digests
 * that the bases are pinned to. DENO_IMAGE and NODE_IMAGE name other bases, such as a mirror's.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { type Project, readProject } from "./project.ts";
import { result, root, run } from "./run.ts";

const platforms = ["linux/amd64", "linux/arm64"] as const;

const here = process.arch === "arm64" ? "linux/arm64" : "linux/amd64";

/** What each target's tag ends in, and the argument with its base. */
const targets = {
  deno: { suffix: "", base: "DENO_IMAGE" },
  node: { suffix: "-node", base: "NODE_IMAGE" },
} as const;
type Target = keyof typeof targets;
type Base = typeof targets[Target]["base"];

export interface Image {
  readonly target: Target;
  /** With its tag. */
  readonly name: string;
  readonly digest: string;
}

/** The bases, by name and digest; `build` writes it. */
export function readBases(): Readonly<Record<Base, string>> {
  return JSON.parse(readFileSync(result("bases.json"), "utf8"));
}

/** `push` writes it. */
export function readImages(): readonly Image[] {
  return JSON.parse(readFileSync(result("images.json"), "utf8"));
}

function nameOf({ image, version }: Project, target: Target): string {
  return `${image}:${version}${targets[target].suffix}`;
}

function build(project: Project): void {
  const bases = { DENO_IMAGE: pinned("DENO_IMAGE"), NODE_IMAGE: pinned("NODE_IMAGE") };
  writeFileSync(result("bases.json"), JSON.stringify(bases, null, 2) + "\n");
  for (const target of Object.keys(targets) as Target[]) {
    const name = nameOf(project, target);
    const labels = Object.entries(labelsOf(project, bases[targets[target].base]));
    if (run("buildah", "images", "--format", "{{.Name}}:{{.Tag}}").split("\n").includes(name)) {
      run("buildah", "manifest", "rm", name);
    }
    run("buildah", "manifest", "create", name);
    for (const platform of platforms) {
      run(
        "buildah",
        "build",
        "--layers",
        `--target=${target}`,
        `--platform=${platform}`,
        `--build-arg=BUILDPLATFORM=${here}`,
        `--build-arg=TARGETPLATFORM=${platform}`,
        ...Object.entries(bases).map(([base, value]) => `--build-arg=${base}=${value}`),
        ...labels.map(([label, value]) => `--label=org.opencontainers.image.${label}=${value}`),
        `--manifest=${name}`,
        ".",
      );
    }
  }
}

function labelsOf({ repository, version }: Project, base: string): Record<string, string> {
  const [baseName = "", baseDigest = ""] = base.split("@");
  return {
    source: repository,
    url: repository,
    documentation: `${repository}/blob/v${version}/README.md`,
    version,
    revision: run("git", "rev-parse", "HEAD"),
    created: run("git", "show", "--no-patch", "--format=%cI", "HEAD"),
    "base.name": baseName,
    "base.digest": baseDigest,
  };
}

/** A base by the digest that its tag has now; one that is pinned already stays so. */
function pinned(base: Base): string {
  const dockerfile = readFileSync(join(root, "Dockerfile"), "utf8");
  const written = new RegExp(`^ARG ${base}=(\\S+)$`, "m").exec(dockerfile)?.[1];
  const name = process.env[base] || written;
  if (name === undefined) throw new Error(`Dockerfile: ARG ${base} is missing`);
  return name.includes("@") ? name : `${name}@${digestOf(name)}`;
}

/** Of the list of all platforms, if there is one. */
function digestOf(name: string): string {
  return run("skopeo", "inspect", "--no-tags", "--format={{.Digest}}", `docker://${name}`);
}

function push(project: Project): void {
  const images = (Object.keys(targets) as Target[]).map((target): Image => {
    const name = nameOf(project, target);
    run("buildah", "manifest", "push", "--all", name, `docker://${name}`);
    return { target, name, digest: digestOf(name) };
  });
  writeFileSync(result("images.json"), JSON.stringify(images, null, 2) + "\n");
  for (const { name, digest } of images) console.log(`${name}@${digest}`);
}

if (import.meta.main) {
  const step = { build, push }[process.argv[2] ?? ""];
  if (step === undefined) throw new Error("images.ts: build or push?");
  step(await readProject());
}
