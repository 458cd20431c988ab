/**
 * Where things that take long to make are kept between runs: outside the checkout, in a folder
 * named by a hash of all that decides their content. What is in them is left to their makers.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";

/** The folder of all caches. */
export function cacheRoot(): string {
  const base = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return join(base, "rolecall");
}

/**
 * The folder `name-HASH` with what `make` puts into it; made once, and only kept when `make`
 * returns. The hash covers the names and contents of `inputs` and the `salt`.
 */
export async function cached(
  name: string,
  inputs: readonly string[],
  salt: string,
  make: (folder: string) => Promise<void>,
): Promise<string> {
  const hash = createHash("sha256").update(salt);
  for (const path of inputs) hash.update(`\0${basename(path)}\0`).update(readFileSync(path));
  const folder = join(cacheRoot(), `${name}-${hash.digest("hex").slice(0, 16)}`);
  const ready = join(folder, ".ready");
  if (existsSync(ready)) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await make(folder);
  mkdirSync(`${ready}.new`);
  renameSync(`${ready}.new`, ready);
  return folder;
}
