import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { collectWhenIdle } from "./idle_gc.ts";

test("collectInLulls(): once after each rush, never in one, never without", async () => {
  const clock = new ManualClock();
  const stop = new AbortController();
  let answered = 0;
  let collected = 0;
  const parts = { clock, answered: () => answered, collectGarbage: () => void collected++ };
  const running = collectWhenIdle(parts, stop.signal);
  /** Requests in ten seconds each, and how often there has been a collection then. */
  const seconds: readonly [number, number][] = [
    [99, 0],
    [5000, 0],
    [5000, 0],
    [99, 1],
    [99, 1],
    [0, 1],
    [1999, 1],
    [0, 2],
  ];
  for (const [requests, collections] of seconds) {
    answered += requests;
    await clock.advance(10_000);
    assert.equal(collected, collections);
  }
  stop.abort();
  await running;
  assert.equal(clock.pending(), 0);
});
