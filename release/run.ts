/** Programs that a release's steps run, and the folder that they leave their results in. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** What the user has to change before this can work; the message says all, without a stack. */
export class Refusal extends Error {}

/** What it prints, without the last newline; its errors appear as they are. */
export function run(program: string, ...args: readonly string[]): string {
  return execute([program, ...args], "pipe").trimEnd();
}

/** Runs a program; its output appears as it is. */
export function show(command: readonly string[]): void {
  console.log(`$ ${command.join(" ")}`);
  execute(command, "inherit");
}

function execute([program = "", ...args]: readonly string[], stdout: "pipe" | "inherit"): string {
  try {
    return execFileSync(program, args, {
      cwd: root,
      stdio: ["ignore", stdout, "inherit"],
      encoding: "utf8",
      maxBuffer: 1 << 26,
    });
  } catch (fault) {
    const { code } = fault as NodeJS.ErrnoException;
    throw new Refusal(
      code === "ENOENT"
        ? `${program}: not found; install it`
        : `${program} ${args.slice(0, 2).join(" ")}: failed`,
    );
  }
}

/**
 * A folder that lasts as long as `use`. Where the system's is behind a symbolic link, as on macOS, its
 * real path: kustomize follows relative paths from there.
 */
export function inTemporaryFolder<T>(use: (folder: string) => T): T {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), "rolecall-release-"));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
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
  inTemporaryFolder((parent) => {
    write(join(parent, name));
    const same = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"];
    run("tar", "-C", parent, ...same, "-czf", result(archive), name);
  });
}
