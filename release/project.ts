/**
 * Where the project lives, and which version this is. package.json is the only place that a fork
 * changes: `version`, `repository`, and under `config` the image's address.
 */
import { readFile } from "node:fs/promises";
import process from "node:process";

export interface Project {
  readonly version: string;
  readonly description: string;
  readonly license: string;
  /** Where people browse it, without a slash at its end. */
  readonly repository: string;
  /** With its registry, without a tag. */
  readonly image: string;
}

export async function readProject(
  file: URL = new URL("../package.json", import.meta.url),
): Promise<Project> {
  const { version, description, license, repository, config } = JSON.parse(
    await readFile(file, "utf8"),
  );
  for (
    const [name, value, form, expected] of [
      [
        "repository",
        repository,
        /^https:\/\/[^\s/]+(\/[^\s/]+)+(?<!\.git)$/,
        "https://HOST/OWNER/NAME, without .git",
      ],
      [
        "config.image",
        config?.image,
        /^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)+$/,
        "REGISTRY/NAME in lower case, without a tag",
      ],
    ] as const
  ) {
    if (typeof value !== "string" || !form.test(value)) {
      throw new Error(`package.json: ${name} ${JSON.stringify(value)} must be ${expected}`);
    }
  }
  return { version, description, license, repository, image: config.image };
}

/** The page that says what to do on each alert, as it was at this version. */
export function runbookPage({ repository, version }: Project): string {
  return `${repository}/blob/v${version}/docs/operations.md`;
}

/** Alerting rules, or their tests, with runbooks at the project's own address. */
export function withRunbooks(rules: string, project: Project): string {
  return rules.replaceAll(
    /(runbook_url: )\S*?docs\/operations\.md/g,
    (_, key) => key + runbookPage(project),
  );
}

/** Who owns the repository: the first part of its path. */
export function ownerOf({ repository }: Project): string {
  return new URL(repository).pathname.split("/")[1]!;
}

/** A kustomization with the project's version in labels and the image's tag. */
export function withVersion(kustomization: string, { version }: Project): string {
  return kustomization.replaceAll(
    /(newTag|app\.kubernetes\.io\/version): \S+/g,
    (_, key) => `${key}: ${version}`,
  );
}

/** CODEOWNERS with the teams of the repository's own owner. */
export function withOwner(codeowners: string, project: Project): string {
  return codeowners.replaceAll(/@[\w-]+\//g, `@${ownerOf(project)}/`);
}

/** The registry's part of the image's address: `deno run -A release/project.ts registry`. */
function registryOf({ image }: Project): string {
  return image.split("/", 1)[0]!;
}

if (import.meta.main && process.argv[2] === "registry") {
  console.log(registryOf(await readProject()));
}
