/** Programs that a release's steps run, and the folder that they leave their results in. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** What it prints, without the last newline; its errors appear as they are. Throws if it fails. */
export function run(program: string, ...args: readonly string[]): string {
  const output = execFileSync(program, args, {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  return output.trimEnd();
}

/** A file of the release, in `dist` or where RELEASE_DIR says. */
export function result(name: string): string {
  const folder = process.env["RELEASE_DIR"] || join(root, "dist");
  mkdirSync(folder, { recursive: true });
  return join(folder, name);
}

/** An archive of what `write` puts into a folder of that name; always the same of the same files. */
export function packed(
  archive: string,
  name: string,
  write: (folder: string) => void,
): void {
  const parent = mkdtempSync(join(tmpdir(), "rolecall-release-"));
  try {
    write(join(parent, name));
    const same = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"];
    run("tar", "-C", parent, ...same, "-czf", result(archive), name);
  } finally {
    rmSync(parent, { recursive: true });
  }
}
