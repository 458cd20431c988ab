import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const onDeno = "deno" in process.versions;
const onLinux = process.platform === "linux";
const permitted = onDeno ? ["run", "-A"] : [];

/** What a program says that starts itself anew for the command `small`, and how it ended. */
function started(words: readonly string[], options = permitted, env = {}) {
  const folder = mkdtempSync(join(tmpdir(), "start-anew-"));
  const script = join(folder, "script.ts");
  const module = JSON.stringify(new URL("start_anew.ts", import.meta.url).href);
  writeFileSync(
    script,
    `import process from "node:process";
import { startAnew } from ${module};
const settings = { v8: ["--no-maglev"], env: { WORDS: "ä b" } };
console.log("start");
startAnew({ small: settings });
const { env: { DENO_V8_FLAGS, WORDS, NODE_COMPILE_CACHE }, execArgv } = process;
const flags = DENO_V8_FLAGS ?? execArgv.join();
console.log(JSON.stringify([process.argv.slice(2), flags, WORDS ?? "", NODE_COMPILE_CACHE ?? ""]));
process.exit(7);
`,
  );
  const { DENO_V8_FLAGS: _, NODE_OPTIONS: __, ...inherited } = process.env;
  const ended = spawnSync(process.execPath, [...options, script, ...words], {
    encoding: "utf8",
    env: { ...inherited, NODE_COMPILE_CACHE: folder, ...env },
  });
  rmSync(folder, { recursive: true });
  const [last, ...before] = ended.stdout.trim().split("\n").reverse();
  const [args, flags, given, kept] = JSON.parse(last ?? "");
  return { status: ended.status, starts: before.length, args, flags, given, kept: kept === folder };
}

test("started anew once, with the settings, its own arguments and its way of ending", () => {
  const args = ["small", "--name=a b", "ü"];
  const anew = { starts: 2, flags: "--no-maglev", given: "ä b" };
  const asWas = { starts: 1, flags: "", given: "" };
  assert.deepEqual(started(args), {
    ...onLinux ? anew : asWas,
    args,
    kept: true,
    status: 7,
  });
});

for (const command of ["large", "constructor"]) {
  test(`another command goes on as it was started: ${command}`, () => {
    const { starts, args, given } = started([command]);
    assert.deepEqual({ starts, args, given }, { starts: 1, args: [command], given: "" });
  });
}

test("variables that the user set stay", () => {
  const { given, starts } = started(["small"], permitted, { WORDS: "mine" });
  assert.deepEqual([given, starts], ["mine", onLinux ? 2 : 1]);
});

test("whoever chose V8's flags keeps them", () => {
  const chosen = onDeno
    ? started(["small"], permitted, { DENO_V8_FLAGS: "--no-opt" })
    : started(["small"], ["--no-opt"]);
  assert.deepEqual([chosen.starts, chosen.flags], [1, "--no-opt"]);
  if (onDeno) return;
  assert.equal(started(["small"], [], { NODE_OPTIONS: "--no-deprecation" }).starts, 1);
});

test("without the permissions it takes the program goes on", () => {
  const few = onDeno
    ? ["run", "--allow-read", "--allow-ffi", "--allow-env=WORDS,DENO_V8_FLAGS,NODE_COMPILE_CACHE"]
    : ["--permission", "--allow-fs-read=*"];
  assert.equal(started(["small"], few).starts, 1);
  if (onDeno) assert.equal(started(["small"], ["run", "--allow-env", "--allow-read"]).starts, 1);
});
