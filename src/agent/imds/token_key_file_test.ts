import { test } from "node:test";
import assert from "node:assert/strict";
import { flushPromises } from "../../../tests/fakes/manual_clock.ts";
import { RecordedLog } from "../../../tests/fakes/recorded_log.ts";
import { loadTokenKeys } from "./token_key_file.ts";

const now = Date.UTC(2026, 0, 1);

function setUp(writable: boolean) {
  const files = new Map<string, string>();
  const modes: number[] = [];
  const log = new RecordedLog();
  const load = () =>
    loadTokenKeys({
      stateDir: "/run/rolecall",
      log,
      random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
      files: {
        readTextFile: (path) => {
          const text = files.get(path);
          return text === undefined ? Promise.reject(new Error("ENOENT")) : Promise.resolve(text);
        },
        writeFile: (path, content, mode) => {
          if (!writable) return Promise.reject(new Error("EROFS: read-only file system"));
          files.set(path, content);
          modes.push(mode);
          return Promise.resolve();
        },
      },
    });
  return { load, log, modes, files };
}

test("the key survives a restart, in a file that only its owner reads", async () => {
  const { load, modes } = setUp(true);
  const before = (await load()).current(now);
  await flushPromises();
  const after = (await load()).current(now + 1000);
  assert.deepEqual(new Uint8Array(after.secret), new Uint8Array(before.secret));
  assert.deepEqual(modes, [0o600]);
});

test("an unreadable key file is replaced", async () => {
  const { load, files } = setUp(true);
  files.set("/run/rolecall/token-keys.json", "{");
  const key = (await load()).current(now);
  assert.equal(key.secret.length, 32);
});

test("without a writable folder keys live in memory, with one warning and no secret in it", async () => {
  const { load, log } = setUp(false);
  const keys = await load();
  const key = keys.current(now);
  keys.current(now + 25 * 3_600_000);
  await flushPromises();
  assert.equal(log.count("token keys are kept in memory only"), 1);
  assert.ok(!log.text().includes(btoa(String.fromCharCode(...key.secret)).slice(0, 20)));
});
