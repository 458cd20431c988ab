import { test } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { packagesInstalled } from "./installed_packages.ts";

function installed(files: Readonly<Record<string, unknown>>): boolean {
  const folder = mkdtempSync(join(tmpdir(), "packages-"));
  try {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), JSON.stringify(content));
    }
    return packagesInstalled(pathToFileURL(`${folder}/`));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const wanted = { "package.json": { dependencies: { hono: "4.1.0", "@a/b": "1.0.0" } } };
const hono = { "node_modules/hono/package.json": { version: "4.1.0" } };
const scoped = { "node_modules/@a/b/package.json": { version: "1.0.0" } };

for (
  const [what, files, expected] of [
    ["all there", { ...wanted, ...hono, ...scoped }, true],
    ["a fresh clone", wanted, false],
    ["one missing", { ...wanted, ...hono }, false],
    [
      "one of another version",
      { ...wanted, ...scoped, "node_modules/hono/package.json": { version: "4.0.9" } },
      false,
    ],
    ["no package.json", hono, false],
  ] as const
) {
  test(`packagesInstalled() ${what}: ${expected}`, () => assert.equal(installed(files), expected));
}
