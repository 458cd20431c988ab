/** Writes a run's results into docs/performance.md, leaving the rest unchanged. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

const file = new URL("../docs/performance.md", import.meta.url);

/** Formats the document and its related files. */
export function formatFiles(...more: readonly URL[]): void {
  const paths = [file, ...more].map((url) => fileURLToPath(url));
  spawnSync(process.env["DENO"] ?? "deno", ["fmt", "--quiet", ...paths]);
}

/** Replaces the text between `<!-- name -->` and `<!-- /name -->`. */
export function documentWith(name: string, text: string): void {
  const before = readFileSync(file, "utf8");
  const place = new RegExp(`(<!-- ${name} -->\\n)[^]*?(<!-- /${name} -->)`);
  if (!place.test(before)) throw new Error(`docs/performance.md has no place for ${name}`);
  writeFileSync(file, before.replace(place, (_all, start, end) => `${start}\n${text}\n${end}`));
}
