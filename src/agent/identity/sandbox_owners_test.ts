import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { RecordedLog } from "../../../tests/fakes/recorded_log.ts";
import { fakeSandboxes } from "../../../tests/fakes/sandboxes.ts";
import { SandboxOwners } from "./sandbox_owners.ts";

function setUp() {
  const clock = new ManualClock();
  const log = new RecordedLog();
  const runtime = fakeSandboxes();
  return { clock, log, runtime, owners: new SandboxOwners({ runtime, clock, log }) };
}

test("however often refresh() is called, the runtime is queried at most ten times a second", async () => {
  const { clock, runtime, owners } = setUp();
  for (let ms = 0; ms < 1000; ms += 10) {
    owners.refresh();
    await clock.advance(10);
  }
  assert.ok(runtime.lists <= 11, `${runtime.lists}`);
});

test("run() lists every second and stops", async () => {
  const { owners, runtime, clock } = setUp();
  const stop = new AbortController();
  const running = owners.run(stop.signal);
  await clock.advance(5500);
  assert.equal(runtime.lists, 6);
  stop.abort();
  await running;
  assert.equal(clock.pending(), 0);
});

test("a runtime that doesn't answer is reported once, and so is its return", async () => {
  const { owners, runtime, clock, log } = setUp();
  runtime.mode = "down";
  owners.refresh();
  await clock.advance(100);
  owners.refresh();
  await clock.advance(100);
  assert.equal(owners.status().problem, "connection refused");
  runtime.mode = "answers";
  owners.refresh();
  await clock.advance(100);
  assert.equal(owners.status().problem, null);
  assert.deepEqual(log.lines.map(({ message }) => message), [
    "container runtime doesn't answer",
    "container runtime answers",
  ]);
});
