import { test } from "node:test";
import assert from "node:assert/strict";
import { UsedSockets } from "./used_sockets.ts";

const manySearches = 16_384;
const victim = "0a000007";
const none: ReadonlySet<string> = new Set();

/** Of four tables with one socket of `local`, those whose socket is used up by a read. */
function usedUp(used: UsedSockets, local: string): readonly string[] {
  const tables = [
    { table: "unread", absentAt: 0, lastReadAt: 0 },
    { table: "read before", absentAt: 0, lastReadAt: 1 },
    { table: "read since", absentAt: 0, lastReadAt: 2 },
    { table: "new", absentAt: 2, lastReadAt: 0 },
  ];
  const rows = [{ local, remote: "a9fea9fe:80", inode: "1" }];
  return tables.filter((shown) => {
    const table = `${shown.table} ${local}`;
    used.shown({ ...shown, table, rows });
    return used.has(table, "1");
  }).map(({ table }) => table);
}

test("a search that too many others follow counts for every port of its address, but for no other address", () => {
  const used = new UsedSockets(() => {});
  used.addMissed(`${victim}:40000`, { begunAt: 1, endedAt: 2, read: none });
  for (let at = 3; at < 3 + manySearches; at++) {
    used.addMissed(`0a000008:${at}`, { begunAt: at, endedAt: at, read: none });
  }
  assert.deepEqual(usedUp(used, `${victim}:40001`), ["unread", "read before"]);
  assert.deepEqual(usedUp(used, "0a000009:40000"), []);
});

test("a search that too many from other addresses follow counts for every address", () => {
  const used = new UsedSockets(() => {});
  used.addMissed(`${victim}:40000`, { begunAt: 1, endedAt: 2, read: none });
  for (let at = 3; at < 3 + manySearches + 4096; at++) {
    used.addMissed(`${at.toString(16)}:40000`, { begunAt: at, endedAt: at, read: none });
  }
  assert.deepEqual(usedUp(used, "0a000009:40000"), ["unread", "read before"]);
});
