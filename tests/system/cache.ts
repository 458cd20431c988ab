/**
 * Where things that take long to make are kept between runs: outside the checkout, in a folder
 * named by a hash of all that decides their content. What is in them is left to their makers.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";

/** Entries unused for this long are removed when the next one of their name is created. */
const keptMs = 7 * 24 * 60 * 60_000;

/** The folder of all caches. */
export function cacheRoot(): string {
  const base = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return join(base, "rolecall");
}

/**
 * The folder `name-HASH` with what `make` puts into it; made once, by one of those that want it at
 * the same time, and only kept when `make` returns. The hash covers the names and contents of
 * `inputs` and the `salt`.
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
  if (existsSync(ready)) return wanted(folder, ready);
  mkdirSync(cacheRoot(), { recursive: true });
  const release = await lock(`${folder}.lock`);
  try {
    if (!existsSync(ready)) await makeAnew(folder, ready, make);
    removeUnwanted(name);
  } finally {
    await release();
  }
  return folder;
}

function wanted(folder: string, ready: string): string {
  utimesSync(ready, new Date(), new Date());
  return folder;
}

function removeUnwanted(name: string): void {
  const itsHashes = new RegExp(`^${name}-[0-9a-f]{16}$`);
  for (const entry of readdirSync(cacheRoot()).filter((entry) => itsHashes.test(entry))) {
    const ready = statSync(join(cacheRoot(), entry, ".ready"), { throwIfNoEntry: false });
    if (ready === undefined || Date.now() - ready.mtimeMs < keptMs) continue;
    rmSync(join(cacheRoot(), entry), { recursive: true, force: true });
  }
}

async function makeAnew(
  folder: string,
  ready: string,
  make: (folder: string) => Promise<void>,
): Promise<void> {
  await retried(basename(folder), async () => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    await make(folder);
  });
  mkdirSync(`${ready}.new`);
  renameSync(`${ready}.new`, ready);
}

/** Three attempts at what needs registries, since those fail now and then. */
export async function retried(what: string, work: () => Promise<unknown>): Promise<void> {
  for (const left of [2, 1]) {
    try {
      return void await work();
    } catch (fault) {
      console.error(`${what}, ${left} more attempts: ${fault}`);
    }
  }
  await work();
}

/**
 * Waits for the lock and yields what gives it back. A program holds it that ends when its standard
 * input does: a maker that is killed leaves no lock behind.
 */
async function lock(path: string): Promise<() => Promise<void>> {
  const command = ["--exclusive", path, "sh", "-c", "echo held; exec cat >&2"];
  const holder = spawn("flock", command, { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve) => holder.once("close", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    holder.once("error", reject);
    holder.stdout.once("data", () => resolve());
    void ended.then(() => reject(new Error(`${path} can't be locked`)));
  });
  return () => {
    holder.stdin.end();
    return ended;
  };
}
