import assert from "node:assert/strict";
import { test } from "node:test";
import { keepReadinessFile, missingForReadiness } from "./readiness.ts";
import { flushPromises, ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { quietLog } from "../../../tests/fakes/quiet_log.ts";

const placed = { inPlace: true, lastError: null };
const followed = { problem: null, address: "10.0.1.1" };
const lost = { problem: "10.0.1.1: no frame for 12 s", address: null };
const answering = { everSynced: true, confirmed: true };

const cases = [
  [placed, followed, answering, ""],
  [placed, lost, answering, ""],
  [{ inPlace: false, lastError: "NET_ADMIN" }, followed, answering, "redirect: NET_ADMIN"],
  [{ inPlace: false, lastError: null }, followed, answering, "redirect: not in place yet"],
  [placed, lost, { everSynced: false, confirmed: false }, `server: ${lost.problem}`],
  [placed, lost, { everSynced: true, confirmed: false }, `server: ${lost.problem}`],
  [
    placed,
    followed,
    { everSynced: false, confirmed: false },
    "server: connected to 10.0.1.1, but its snapshot isn't complete yet",
  ],
  [
    placed,
    followed,
    { everSynced: true, confirmed: false },
    "server: connected to 10.0.1.1, but its watch of the cluster has stalled",
  ],
] as const;

for (const [redirect, link, known, expected] of cases) {
  test(`missingForReadiness(): ${expected || "ready"}`, () => {
    assert.equal(missingForReadiness(redirect, link, known).join("|"), expected);
  });
}

test("keepReadinessFile(): each change once, stopping at the end", async () => {
  const clock = new ManualClock();
  const stop = new AbortController();
  const written: [string, string][] = [];
  let missing = ["redirect: not in place yet", "server: not connected"];
  const kept = keepReadinessFile({
    path: "/run/pod/readiness",
    write: (path, text) => Promise.resolve(void written.push([path, text])),
    missing: () => missing,
    clock,
    log: quietLog,
  }, stop.signal);
  await clock.advance(1000);
  missing = [];
  await clock.advance(1000);
  stop.abort();
  await kept;
  assert.deepEqual(written, [
    ["/run/pod/readiness", "redirect: not in place yet\nserver: not connected\n"],
    ["/run/pod/readiness", "ok\n"],
    ["/run/pod/readiness", "stopping\n"],
  ]);
  assert.equal(clock.pending(), 0);
});

test("keepReadinessFile(): a file that can't be written ends nothing", async () => {
  const clock = new ManualClock();
  const stop = new AbortController();
  const kept = keepReadinessFile({
    path: "/nowhere",
    write: () => Promise.reject(new Error("read-only")),
    missing: () => [],
    clock,
    log: quietLog,
  }, stop.signal);
  await clock.advance(1000);
  stop.abort();
  await kept;
});

test("keepReadinessFile(): none without a path", async () => {
  const write = () => Promise.reject(new Error("written"));
  const { signal } = new AbortController();
  const clock = new ManualClock();
  await keepReadinessFile({ path: null, write, missing: () => [], clock, log: quietLog }, signal);
  await flushPromises();
  assert.equal(clock.pending(), 0);
});
