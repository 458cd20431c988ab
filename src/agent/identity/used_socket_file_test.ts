import { test } from "node:test";
import assert from "node:assert/strict";
import { flushPromises, ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { RecordedLog } from "../../../tests/fakes/recorded_log.ts";
import { UsedSocketFile, usedSocketFile, type UsedSocketsOfNode } from "./used_socket_file.ts";

const path = usedSocketFile("/run/rolecall");

/** Agents that share one file. */
function setUp() {
  const clock = new ManualClock();
  const log = new RecordedLog();
  const disk = { text: "", writes: 0, broken: false };
  const watchers = new Set<() => void>();
  const files = {
    readTextFile: (at: string) => at === path ? Promise.resolve(disk.text) : Promise.reject(at),
    writeFile: (_path: string, text: string) => {
      if (disk.broken) return Promise.reject(new Error("read-only file system"));
      disk.text = text;
      disk.writes++;
      for (const changed of watchers) changed();
      return Promise.resolve();
    },
    watchFile: (_path: string, changed: () => void) => {
      watchers.add(changed);
      return () => void watchers.delete(changed);
    },
  };
  const stop = new AbortController();
  const agent = () => {
    const used = new Map<string, Set<string>>();
    const file = new UsedSocketFile({ files, path, clock, log });
    const store = {
      load: (saved: UsedSocketsOfNode) => {
        for (const [table, inodes] of Object.entries(saved)) {
          used.set(table, (used.get(table) ?? new Set()).union(new Set(inodes)));
        }
      },
      save: () => Object.fromEntries([...used].map(([table, inodes]) => [table, [...inodes]])),
    };
    file.share(store, stop.signal);
    const use = (table: string, inode: string) => {
      store.load({ [table]: [inode] });
      file.changed();
    };
    return { file, store, use };
  };
  return { clock, log, disk, agent, stop, watchers };
}

test("two agents learn each other's used sockets, and the file stops changing", async () => {
  const { clock, disk, agent } = setUp();
  const [old, next] = [agent(), agent()];
  old.use("1/tcp", "7");
  next.use("1/tcp", "8");
  next.use("2/tcp6", "9");
  await clock.advance(1000);
  const all = { "1/tcp": ["7", "8"], "2/tcp6": ["9"] };
  for (const { store } of [old, next]) {
    const saved = store.save() as Record<string, string[]>;
    assert.deepEqual(saved["1/tcp"]?.toSorted(), all["1/tcp"]);
    assert.deepEqual(saved["2/tcp6"], all["2/tcp6"]);
  }
  assert.deepEqual(JSON.parse(disk.text), all);
  const { writes } = disk;
  await clock.advance(10_000);
  assert.equal(disk.writes, writes);
});

test("many proofs make one write", async () => {
  const { clock, disk, agent } = setUp();
  const { use } = agent();
  await clock.advance(1000);
  const { writes } = disk;
  for (let i = 0; i < 500; i++) use("1/tcp", String(i));
  await clock.advance(99);
  assert.equal(disk.writes, writes);
  await clock.advance(1);
  assert.equal(disk.writes, writes + 1);
});

test("a file that is no JSON, or something else, is nothing", async () => {
  const { disk, agent } = setUp();
  for (const text of ["", "{", "[1]", '{"1/tcp":"7"}', '{"1/tcp":[7]}']) {
    disk.text = text;
    assert.deepEqual(await agent().file.read(), {});
  }
});

test("a file that can't be written is reported once; nothing is left running", async () => {
  const { clock, log, disk, agent, stop, watchers } = setUp();
  disk.broken = true;
  const { use } = agent();
  for (let i = 0; i < 3; i++) {
    use("1/tcp", String(i));
    await clock.advance(200);
  }
  assert.deepEqual(log.lines.map(({ message }) => message), ["used sockets aren't saved"]);
  use("1/tcp", "last");
  stop.abort();
  await flushPromises();
  assert.equal(clock.pending(), 0);
  assert.equal(watchers.size, 0);
});
