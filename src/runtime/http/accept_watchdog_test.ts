import { test } from "node:test";
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AddressInfo, createServer } from "node:net";
import {
  type AcceptWatchdog,
  ownConnectionQueued,
  queuedConnections,
  reachableHost,
  startAcceptWatchdog,
} from "./accept_watchdog.ts";

/** Watches with a queue that gives these lengths by turns, until they are used up. */
function stallReports(lengths: number[], accepts: boolean, checks = 1): Promise<number> {
  let calls = 0;
  return new Promise((resolve) => {
    const alive = setInterval(() => {}, 60_000);
    const watch: AcceptWatchdog = startAcceptWatchdog({
      queued: () => {
        if (accepts) watch.accepted();
        const length = lengths.shift();
        if (length !== undefined) return Promise.resolve(length);
        watch.stop();
        clearInterval(alive);
        resolve(calls);
        return Promise.resolve(0);
      },
      stalled: () => calls++,
      quietMs: 1,
      patienceMs: 1,
      checks,
    });
  });
}

test("accept watchdog: reports connections that keep waiting while none is accepted", async () => {
  assert.equal(await stallReports([3, 3, 1, 1], false), 2);
});

test("accept watchdog: only once every check has seen them wait", async () => {
  assert.equal(await stallReports([3, 3, 3, 0], false, 3), 0);
  assert.equal(await stallReports([3, 3, 3, 3], false, 3), 1);
});

test("accept watchdog: not if the queue empties, or connections are accepted", async () => {
  assert.equal(await stallReports([0, 3, 0, 0], false), 0);
  assert.equal(await stallReports([3, 3, 3, 3], true), 0);
});

test("queuedConnections: the listening socket's of that port, of both families", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "rolecall-"));
  t.after(() => rm(folder, { recursive: true }));
  const row = (local: string, state: string, queue: string) =>
    `   0: ${local} 00000000:0000 ${state} 00000000:${queue} 00:00000000 00000000 0 0 1 1\n`;
  const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n";
  const rows = row("0100007F:1FF5", "0A", "00000010") + row("0100007F:1FF5", "01", "00000099") +
    row("0100007F:1FF6", "0A", "00000099");
  await writeFile(join(folder, "tcp"), head + rows);
  assert.equal(await queuedConnections(0x1ff5, folder), 16);
  await writeFile(join(folder, "tcp6"), head + row("0".repeat(32) + ":1FF5", "0A", "00000001"));
  assert.equal(await queuedConnections(0x1ff5, folder), 17);
  assert.equal(await queuedConnections(0x1ff7, folder), 0);
  assert.equal(await queuedConnections(80, join(folder, "none")), undefined);
});

test("ownConnectionQueued: a listener queues it, whether or not it accepts; no other port does", async (t) => {
  const alive = setInterval(() => {}, 60_000);
  t.after(() => clearInterval(alive));
  const server = createServer((socket) => void socket.resume());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const { port } = server.address() as AddressInfo;
  assert.equal(await ownConnectionQueued({ host: reachableHost("0.0.0.0"), port }), 1);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  assert.equal(await ownConnectionQueued({ host: "127.0.0.1", port }), 0);
});
