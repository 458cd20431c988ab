/**
 * Builds images and runs programs in them with buildah, without a registry or a daemon, in a store
 * of the test's own.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheRoot, retried } from "../system/cache.ts";
import { type Outcome, run } from "../system/programs.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const minutes = 60_000;

/** What it prints; throws with the end of its complaint. */
export async function buildah(args: readonly string[]): Promise<string> {
  const outcome = await buildahRun(args);
  if (outcome.code === 0) return outcome.stdout;
  throw new Error(`buildah ${args.join(" ")}: ${outcome.stderr.slice(-2000)}`);
}

/** The folders of the test's own images, which are kept between runs. */
export function buildahStore(): { root: string; run: string } {
  const store = join(cacheRoot(), "buildah");
  mkdirSync(store, { recursive: true });
  return { root: join(store, "root"), run: join(store, "run") };
}

function buildahRun(args: readonly string[]): Promise<Outcome> {
  const store = buildahStore();
  const roots = ["--root", store.root, "--runroot", store.run];
  return run(["buildah", ...roots, ...args], { timeoutMs: 15 * minutes });
}

export async function hasImage(name: string): Promise<boolean> {
  return (await buildahRun(["inspect", "--type", "image", name])).code === 0;
}

/** An image of these files and folders alone, [here, there]. */
export async function imageOf(
  name: string,
  files: readonly (readonly [string, string])[],
  config: readonly string[] = [],
): Promise<void> {
  const container = (await buildah(["from", "scratch"])).trim();
  for (const [here, there] of files) await buildah(["copy", "-q", container, here, there]);
  if (config.length > 0) await buildah(["config", ...config, container]);
  await buildah(["commit", "-q", "--rm", container, name]);
}

/** Rolecall's own image by its Dockerfile. */
export async function buildRolecall(name: string, options: readonly string[]): Promise<void> {
  const build = ["build", "--isolation=chroot", "--layers", ...options, "-t", name, root];
  await retried(name, () => buildah(build));
}

/** What the Dockerfile has for one of its arguments. */
export function dockerfileArgument(name: string): string {
  const text = readFileSync(join(root, "Dockerfile"), "utf8");
  const value = new RegExp(`^ARG ${name}=(\\S+)$`, "m").exec(text)?.[1];
  if (value === undefined) throw new Error(`Dockerfile: ARG ${name} is missing`);
  return value;
}

/** A container that is only looked at and run in, removed when `use` is done. */
export async function inContainer<T>(
  image: string,
  use: (container: Container) => Promise<T>,
): Promise<T> {
  const name = (await buildah(["from", "--pull-never", image])).trim();
  try {
    return await use({
      root: async () => (await buildah(["mount", name])).trim(),
      run: (command) => buildahRun(["run", "--isolation=chroot", name, "--", ...command]),
    });
  } finally {
    await buildah(["rm", name]);
  }
}

interface Container {
  /** Where its files can be read. */
  root(): Promise<string>;
  /** As the image's user. */
  run(command: readonly string[]): Promise<Outcome>;
}
