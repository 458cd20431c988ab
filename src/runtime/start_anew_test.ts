import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const onDenoForLinux = "deno" in process.versions && process.platform === "linux";
const permitted = onDenoForLinux ? ["run", "-A"] : [];

/** What a program says that starts itself anew for the command `small`, and how it ended. */
function started(words: readonly string[], permissions = permitted, env = {}) {
  const folder = mkdtempSync(join(tmpdir(), "start-anew-"));
  const script = join(folder, "script.ts");
  const module = JSON.stringify(new URL("start_anew.ts", import.meta.url).href);
  writeFileSync(
    script,
    `import process from "node:process";
import { startAnew } from ${module};
const settings = { options: ["--no-code-cache"], env: { DENO_V8_FLAGS: "--no-maglev", WORDS: "ä b" } };
console.log("start");
startAnew({ small: settings });
const { DENO_V8_FLAGS, WORDS } = process.env;
console.log(JSON.stringify([process.argv.slice(2), DENO_V8_FLAGS ?? "", WORDS ?? ""]));
process.exit(7);
`,
  );
  const { DENO_V8_FLAGS: _, ...inherited } = process.env;
  const ended = spawnSync(process.execPath, [...permissions, script, ...words], {
    encoding: "utf8",
    env: { ...inherited, ...env },
  });
  rmSync(folder, { recursive: true });
  return { status: ended.status, lines: ended.stdout.trim().split("\n") };
}

test("started anew once, with the settings, its own arguments and its way of ending", () => {
  const { status, lines } = started(["small", "--name=a b", "ü"]);
  const flags = onDenoForLinux ? ["--no-maglev", "ä b"] : ["", ""];
  assert.equal(lines.at(-1), JSON.stringify([["small", "--name=a b", "ü"], ...flags]));
  assert.equal(lines.length, onDenoForLinux ? 3 : 2);
  assert.equal(status, 7);
});

test("another command goes on as it was started", () => {
  assert.deepEqual(started(["large"]).lines, ["start", '[["large"],"",""]']);
});

test("whoever chose V8's flags keeps them", () => {
  const { lines } = started(["small"], permitted, { DENO_V8_FLAGS: "--no-opt" });
  assert.deepEqual(lines, ["start", '[["small"],"--no-opt",""]']);
});

test("without the permission to call the C library the program goes on", () => {
  const few = onDenoForLinux ? ["run", "--allow-env", "--allow-read"] : [];
  assert.deepEqual(started(["small"], few).lines, ["start", '[["small"],"",""]']);
});
