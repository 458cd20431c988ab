import { test } from "node:test";
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execPath } from "node:process";
import { plainEnv, run } from "./programs.ts";

const maker = `
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { cached } from ${JSON.stringify(new URL("cache.ts", import.meta.url).href)};
appendFileSync(process.env.WANTED, "w");
const folder = await cached("thing", [], "", async (target) => {
  appendFileSync(process.env.COUNT, "made ");
  while (readFileSync(process.env.WANTED, "utf8") !== "www") {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  writeFileSync(target + "/whole", "");
});
console.log(folder);
`;

test("cached: of several at the same time one makes it, the others wait for it", async () => {
  const root = mkdtempSync(join(tmpdir(), "rolecall-cache-"));
  const count = join(root, "count");
  const env = plainEnv({ XDG_CACHE_HOME: root, COUNT: count, WANTED: join(root, "wanted") });
  try {
    const outcomes = await Promise.all(
      [1, 2, 3].map(() => run([execPath, "eval", maker], { env })),
    );
    const folders = new Set(outcomes.map(({ stdout, stderr }) => stdout.trim() || stderr));
    assert.equal(folders.size, 1, [...folders].join());
    assert.ok(existsSync(join([...folders].join(), "whole")));
    assert.equal(readFileSync(count, "utf8"), "made ");
  } finally {
    rmSync(root, { recursive: true });
  }
});
