import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import { aborted, pause } from "./pause.ts";

test("pause() settles after its time and leaves no timer", async () => {
  const clock = new ManualClock();
  let resolved = false;
  const waiting = pause(clock, 100, new AbortController().signal).then(() => resolved = true);
  await clock.advance(99);
  assert.equal(resolved, false);
  await clock.advance(1);
  await waiting;
  assert.equal(clock.pending(), 0);
});

test("pause() settles when the signal aborts; immediately if it already has", async () => {
  const clock = new ManualClock();
  const stop = new AbortController();
  const waiting = pause(clock, 100, stop.signal);
  stop.abort();
  await waiting;
  await pause(clock, 100, stop.signal);
  await pause(clock, 0, new AbortController().signal);
  assert.equal(clock.pending(), 0);
});

test("aborted() settles when the signal aborts, immediately if it already has", async () => {
  const stop = new AbortController();
  let resolved = false;
  const waiting = aborted(stop.signal).then(() => resolved = true);
  await Promise.resolve();
  assert.equal(resolved, false);
  stop.abort();
  await waiting;
  await aborted(stop.signal);
});
