import { test, type TestContext } from "node:test";
import assert from "node:assert/strict";
import { inTime } from "../../tests/fakes/in_time.ts";
import { mkdir, mkdtemp, readdir, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  FileFault,
  readTextFile,
  removeFile,
  replaceFile,
  watchFile,
  type WatchTimes,
} from "./files.ts";

const byNotice: WatchTimes = { debounceMs: 5, pollMs: 600_000, unwatchedPollMs: 600_000 };
const byPoll: WatchTimes = { debounceMs: 600_000, pollMs: 10, unwatchedPollMs: 10 };

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "rolecall-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Watches and gives a function that settles at the next call. */
async function watched(t: TestContext, path: string, times: WatchTimes) {
  let called: () => void = () => {};
  t.after(watchFile(path, () => called(), times));
  // Watching doesn't keep a process alive; the test has to.
  const alive = setInterval(() => {}, 60_000);
  t.after(() => clearInterval(alive));
  // The first look at the file has to be over before a test changes it.
  for (let i = 0; i < 3; i++) await stat(path).catch(() => {});
  await new Promise((resolve) => setImmediate(resolve));
  return () => inTime("the change", new Promise<void>((resolve) => called = resolve));
}

for (const [name, times] of [["a notice", byNotice], ["the poll", byPoll]] as const) {
  test(`watchFile: ${name} reports an edit, a rename and a removal`, async (t) => {
    const path = join(await folder(t), "file");
    await writeFile(path, "one");
    const next = await watched(t, path, times);
    let change = next();
    await writeFile(path, "two and more");
    await change;
    change = next();
    await writeFile(`${path}.new`, "three");
    await rename(`${path}.new`, path);
    await change;
    change = next();
    await rm(path);
    await change;
  });

  test(`watchFile: ${name} reports a swapped Kubernetes volume`, async (t) => {
    const base = await folder(t);
    for (const version of ["..1", "..2"]) {
      await mkdir(join(base, version));
      await writeFile(join(base, version, "ca.crt"), version);
    }
    await symlink("..1", join(base, "..data"));
    await symlink("..data/ca.crt", join(base, "ca.crt"));
    const next = await watched(t, join(base, "ca.crt"), times);
    const change = next();
    await symlink("..2", join(base, "..data_tmp"));
    await rename(join(base, "..data_tmp"), join(base, "..data"));
    await change;
    assert.equal(await readTextFile(join(base, "ca.crt")), "..2");
  });
}

test("watchFile: a folder that comes later is seen", async (t) => {
  const base = join(await folder(t), "later");
  const next = await watched(t, join(base, "file"), byPoll);
  const change = next();
  await mkdir(base);
  await writeFile(join(base, "file"), "here");
  await change;
});

test("replaceFile: whole, with its mode, in a folder made for it, nothing left over", async (t) => {
  const base = join(await folder(t), "state");
  const path = join(base, "token-key");
  await replaceFile(path, "one", 0o600);
  await replaceFile(path, new Uint8Array([50]), 0o600);
  assert.equal(await readTextFile(path), "2");
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(base), ["token-key"]);
});

test("replaceFile: a failure leaves no draft", async (t) => {
  const base = await folder(t);
  await mkdir(join(base, "taken"));
  await assert.rejects(replaceFile(join(base, "taken"), "x", 0o600));
  assert.deepEqual(await readdir(base), ["taken"]);
});

test("removeFile() says whether the file was there, and rejects for any other fault", async () => {
  const base = await mkdtemp(join(tmpdir(), "rolecall-"));
  await writeFile(join(base, "file"), "");
  assert.equal(await removeFile(join(base, "file")), true);
  assert.equal(await removeFile(join(base, "file")), false);
  await assert.rejects(removeFile(base));
  await rm(base, { recursive: true });
});

// what the system or Deno says, the plain reason
const faults = [
  [
    Object.assign(new Error("ENOENT: no such file or directory, open 'x'"), { code: "ENOENT" }),
    "there is no such file",
  ],
  [Object.assign(new Error("EISDIR"), { code: "EISDIR" }), "it is a folder"],
  [Object.assign(new Error("ENXIO"), { code: "ENXIO" }), "the system refuses it (ENXIO)"],
  [
    Object.assign(new Error("Requires read access to x"), { name: "NotCapable" }),
    "reading it isn't permitted",
  ],
] as const;

for (const [cause, reason] of faults) {
  test(`FileFault: ${cause.message} becomes: ${reason}`, () => {
    assert.equal(new FileFault(cause).message, reason);
  });
}
