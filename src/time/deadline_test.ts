import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import { DeadlineExceeded, withDeadline } from "./deadline.ts";

const forever = () => new Promise<never>(() => {});

test("withDeadline() settles as its task does and leaves no timer", async () => {
  const clock = new ManualClock();
  const failure = new Error("no");
  assert.equal(await withDeadline({ clock, ms: 10_000 }, () => Promise.resolve(7)), 7);
  await assert.rejects(withDeadline({ clock, ms: 10_000 }, () => Promise.reject(failure)), failure);
  assert.equal(clock.pending(), 0);
});

test("withDeadline() rejects when the time is up and aborts the task", async () => {
  const clock = new ManualClock();
  let reason: unknown;
  const call = withDeadline({ clock, ms: 5000 }, (signal) => {
    signal.addEventListener("abort", () => reason = signal.reason);
    return forever();
  });
  const rejected = assert.rejects(call, { code: "deadline_exceeded", message: /within 5 s/ });
  await clock.advance(5000);
  await rejected;
  assert.ok(reason instanceof DeadlineExceeded);
});

test("withDeadline() rejects with the caller's reason, before or during the task", async () => {
  const clock = new ManualClock();
  const caller = new AbortController();
  const gone = new Error("gone");
  const call = withDeadline({ clock, ms: 5000, signal: caller.signal }, forever);
  caller.abort(gone);
  await assert.rejects(call, gone);
  await assert.rejects(withDeadline({ clock, ms: 5000, signal: caller.signal }, forever), gone);
  assert.equal(clock.pending(), 0);
});

test("withDeadline() a task's leftovers end with the caller's signal, not with the time", async () => {
  const clock = new ManualClock();
  const caller = new AbortController();
  const ms = 5000;
  const left = await withDeadline({ clock, ms, signal: caller.signal }, (signal) => {
    return Promise.resolve(signal);
  });
  await clock.advance(2 * ms);
  assert.equal(left.aborted, false);
  caller.abort();
  assert.equal(left.aborted, true);
});
