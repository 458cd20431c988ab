import { test } from "node:test";
import assert from "node:assert/strict";
import { UsedSockets } from "./used_sockets.ts";

test("after too many searches without a result, a table's next read uses up all of its sockets", () => {
  const used = new UsedSockets(() => {});
  const read: ReadonlySet<string> = new Set();
  used.addUnread("0a000007:40000", { begunAt: 1, endedAt: 2, read });
  for (let at = 3; at <= 16_386; at++) {
    used.addUnread(`0a000008:${at}`, { begunAt: at, endedAt: at, read });
  }
  const rows = [{ local: "0a000007:40000", remote: "a9fea9fe:80", inode: "1" }];
  for (const lastReadAt of [1, 2]) {
    used.shown({ table: `${lastReadAt}/tcp`, rows, absentAt: 0, lastReadAt });
  }
  used.shown({ table: "3/tcp", rows, absentAt: 2, lastReadAt: 0 });
  assert.deepEqual(["1/tcp", "2/tcp", "3/tcp"].map((table) => used.has(table, "1")), [
    true,
    false,
    false,
  ]);
});
