/**
 * A fork of this repository that has changed one place, package.json, and dates its release; and a
 * machine to release it from: a registry of its own, and bases in it.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { buildahStore } from "../cluster/buildah.ts";
import { cacheRoot } from "../system/cache.ts";
import { must, plainEnv } from "../system/programs.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

export interface Fork {
  readonly folder: string;
  readonly version: string;
  readonly repository: string;
  readonly image: string;
  readonly env: Readonly<Record<string, string>>;
}

/** `registry` is HOST:PORT, without TLS. */
export function makeFork(
  folder: string,
  registry: string,
  more: Readonly<Record<string, string>>,
): Fork {
  const checkout = join(folder, "fork");
  mkdirSync(checkout);
  const files = execFileSync("git", ["ls-files", "-z", "-co", "--exclude-standard"], { cwd: root });
  const archive = execFileSync("tar", ["--null", "-T", "-", "-c"], {
    cwd: root,
    input: files,
    maxBuffer: 1 << 30,
  });
  execFileSync("tar", ["-x", "-C", checkout], { input: archive });
  const repository = "https://code.test/team/rolecall";
  const image = `${registry}/team/rolecall`;
  const manifest = join(checkout, "package.json");
  const about = JSON.parse(readFileSync(manifest, "utf8"));
  writeFileSync(manifest, JSON.stringify({ ...about, repository, config: { image } }, null, 2));
  const changelog = join(checkout, "CHANGELOG.md");
  const notes = readFileSync(changelog, "utf8");
  writeFileSync(changelog, notes.replace(", unreleased", ", 2026-11-27"));
  const env = plainEnv({
    ...more,
    RELEASE_DIR: join(folder, "dist"),
    BUILDAH_ISOLATION: "chroot",
    CONTAINERS_STORAGE_CONF: join(folder, "storage.conf"),
    // Where both buildah and skopeo look for registries.conf.
    HOME: folder,
    XDG_CACHE_HOME: dirname(cacheRoot()),
  });
  const { root: graph, run } = buildahStore();
  writeFileSync(
    join(folder, "storage.conf"),
    `[storage]\ndriver = "overlay"\ngraphroot = "${graph}"\nrunroot = "${run}"\n`,
  );
  mkdirSync(join(folder, ".config/containers"), { recursive: true });
  writeFileSync(
    join(folder, ".config/containers/registries.conf"),
    `[[registry]]\nlocation = "${registry}"\ninsecure = true\n`,
  );
  for (const args of [["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "a release"]]) {
    const who = ["-c", "user.name=fork", "-c", "user.email=fork@code.test"];
    execFileSync("git", [...who, ...args], { cwd: checkout });
  }
  return { folder: checkout, version: about.version, repository, image, env };
}

/** The commands of release.yml, in their order, by the steps' names. */
export function releaseSteps(fork: Fork): Map<string, string> {
  const workflow = parse(
    readFileSync(join(fork.folder, ".github/workflows/release.yml"), "utf8"),
  );
  const steps: { name: string; run?: string }[] = workflow.jobs.release.steps;
  return new Map(steps.flatMap(({ name, run }) => run === undefined ? [] : [[name, run] as const]));
}

export function runStep(fork: Fork, command: string): Promise<string> {
  return must(["bash", "-euo", "pipefail", "-c", command], {
    cwd: fork.folder,
    env: { ...fork.env, GITHUB_REF_NAME: `v${fork.version}` },
    timeoutMs: 20 * 60_000,
  });
}
