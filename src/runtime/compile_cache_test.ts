import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const onDeno = "deno" in process.versions;
const here = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);
const code = `import(${here("compile_cache.ts")}).then(async ({ keepCompiled }) => {
  keepCompiled();
  const { version } = await import(${here("../version.ts")});
  console.log(version.length > 0);
})`;

/** A program that keeps what it compiles and loads a module, in `home`; its output. */
function start(home: string): string {
  const args = onDeno ? ["eval", code] : ["-e", code];
  const env = { PATH: process.env["PATH"], HOME: home };
  const { stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: home,
    env,
    encoding: "utf8",
  });
  return stdout + stderr;
}

function withHome(use: (home: string) => void): void {
  const home = mkdtempSync(join(tmpdir(), "home-"));
  try {
    use(home);
  } finally {
    rmSync(home, { recursive: true });
  }
}

test("keepCompiled() leaves on Node what it compiled, in the home's .cache", () => {
  withHome((home) => {
    assert.equal(start(home), "true\n");
    const kept = onDeno ? [] : ["rolecall"];
    assert.deepEqual(readdirSync(join(home, ".cache")).filter((name) => name !== "deno"), kept);
    if (!onDeno) assert.notEqual(readdirSync(join(home, ".cache/rolecall")).length, 0);
    assert.equal(start(home), "true\n");
  });
});

test("keepCompiled() a home that can't be written to: nothing is kept", () => {
  withHome((home) => {
    writeFileSync(join(home, ".cache"), "");
    assert.equal(start(home), "true\n");
  });
});
