/**
 * What a start compiles is kept for the next: on Node, taking the types off sources and compiling
 * them is half of a start, and what does it stays in memory. Deno keeps the like by itself.
 */
import { existsSync, mkdirSync } from "node:fs";
import module from "node:module";
import { join } from "node:path";
import process from "node:process";

/** Not while the program starts: it takes some 20 ms, once. */
const writeAfterMs = 2000;

/**
 * Holds for modules loaded from now on. Node's own NODE_COMPILE_CACHE and NODE_DISABLE_COMPILE_CACHE
 * go first.
 */
export function keepCompiled(): void {
  if ("deno" in process.versions) return;
  const folder = compiledFolder();
  if (folder === undefined) return;
  module.enableCompileCache(folder);
  // At its end as well, but who knows how a program ends.
  setTimeout(() => module.flushCompileCache(), writeAfterMs).unref();
}

/**
 * `.cache/rolecall` of the user's home, not in `/tmp` as Node has it, where others could put code to
 * be run; undefined where it can't be made. Made here, folder by folder: Node itself may try for
 * ever where none can be made (/proc).
 */
export function compiledFolder(): string | undefined {
  const home = process.env["HOME"];
  if (!home) return undefined;
  const cache = join(home, ".cache");
  const folder = join(cache, "rolecall");
  try {
    for (const each of [cache, folder]) if (!existsSync(each)) mkdirSync(each);
    return folder;
  } catch {
    return undefined;
  }
}
