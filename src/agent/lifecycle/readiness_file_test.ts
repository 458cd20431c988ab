import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock, settled } from "../../../tests/fakes/manual_clock.ts";
import { quietLog } from "../../../tests/fakes/quiet_log.ts";
import { keepReadinessFile } from "./readiness_file.ts";

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
  await settled();
  assert.equal(clock.pending(), 0);
});
