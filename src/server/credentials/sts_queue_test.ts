import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { flushPromises, ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { StsQueue } from "./sts_queue.ts";
import type { Urgency } from "./fair_queue.ts";

/** A queue whose calls take `callMs` each, with what happened when. */
function bench(options: { rate: number; burst?: number; concurrency: number; callMs: number }) {
  const clock = new ManualClock(0);
  const queue = new StsQueue({ burst: options.rate, ...options, clock });
  const started: { key: string; at: number; waitedMs: number }[] = [];
  const seen = { atOnce: 0, mostAtOnce: 0 };
  const submit = (key: string, namespace = "a", urgency: Urgency = "scheduled") =>
    queue.submit({
      key,
      namespace,
      urgency,
      urgentAt: Infinity,
      start: (waitedMs) => {
        started.push({ key, at: clock.now(), waitedMs });
        seen.mostAtOnce = Math.max(seen.mostAtOnce, ++seen.atOnce);
        return new Promise((resolve) =>
          clock.after(options.callMs, () => {
            seen.atOnce--;
            resolve();
          })
        );
      },
    });
  return { clock, queue, started, seen, submit };
}

test("StsQueue: a call starts right after submit(), not within it", async () => {
  const { clock, started, submit } = bench({ rate: 20, concurrency: 8, callMs: 50 });
  submit("x");
  assert.deepEqual(started, []);
  await clock.advance(0);
  assert.deepEqual(started, [{ key: "x", at: 0, waitedMs: 0 }]);
});

test("StsQueue starts the burst at once, the rest at its rate, and measures how long each call waited", async () => {
  const { clock, queue, started, submit } = bench({
    rate: 2,
    burst: 3,
    concurrency: 8,
    callMs: 10,
  });
  for (const key of ["1", "2", "3", "4", "5"]) submit(key);
  await clock.advance(499);
  assert.deepEqual(queue.stats(), {
    waiting: { urgent: 0, scheduled: 2, ahead: 0 },
    inFlight: 0,
    ratePerSecond: 2,
    longestWaitMs: 499,
  });
  await clock.advance(5_000);
  assert.deepEqual(started.map(({ at }) => at), [0, 0, 0, 500, 1000]);
  assert.deepEqual(started.map(({ waitedMs }) => waitedMs), [0, 0, 0, 500, 1000]);
  assert.equal(clock.pending(), 0);
});

test("StsQueue: a call is in flight until it settles, however it ends", async () => {
  const clock = new ManualClock(0);
  const queue = new StsQueue({ clock, rate: 100, burst: 3, concurrency: 1 });
  const ends: ((ok: boolean) => void)[] = [];
  const start = () =>
    new Promise<void>((resolve, reject) => ends.push((ok) => ok ? resolve() : reject()));
  for (const key of ["1", "2", "3"]) {
    queue.submit({ key, namespace: "a", urgency: "ahead", urgentAt: Infinity, start });
  }
  await clock.advance(60_000);
  assert.equal(ends.length, 1);
  ends[0]?.(false);
  await clock.advance(0);
  assert.equal(ends.length, 2);
  ends[1]?.(true);
  await clock.advance(0);
  assert.equal(ends.length, 3);
});

test("StsQueue: a cancelled call isn't made and leaves no timer", async () => {
  const { clock, queue, started, submit } = bench({ rate: 20, concurrency: 8, callMs: 10 });
  submit("x");
  queue.cancel("x");
  assert.equal(clock.pending(), 0);
  await clock.advance(1000);
  assert.deepEqual(started, []);
});

test("StsQueue refuses a rate, burst or concurrency that allows no call", () => {
  const clock = new ManualClock(0);
  assert.throws(() => new StsQueue({ clock, rate: 0, burst: 1, concurrency: 1 }), RangeError);
  assert.throws(() => new StsQueue({ clock, rate: 1, burst: 0, concurrency: 1 }), RangeError);
  assert.throws(() => new StsQueue({ clock, rate: 1, burst: 1, concurrency: 0 }), RangeError);
});

test("StsQueue: never over rate or concurrency, nothing lost, nothing starved", async () => {
  const arrival = fc.record({
    gap: fc.constantFrom(0, 0, 0, 30, 400),
    namespace: fc.constantFrom("a", "a", "a", "a", "b", "c"),
    urgency: fc.constantFrom<Urgency>("urgent", "scheduled", "ahead"),
  });
  const load = fc.record({
    rate: fc.integer({ min: 1, max: 20 }),
    burst: fc.integer({ min: 1, max: 30 }),
    concurrency: fc.integer({ min: 1, max: 4 }),
    callMs: fc.constantFrom(0, 5, 200, 1500),
    arrivals: fc.array(arrival, { maxLength: 40, size: "max" }),
  });
  await fc.assert(
    fc.asyncProperty(load, async ({ arrivals, ...options }) => {
      const { clock, started, seen, submit } = bench(options);
      for (const [index, { gap, namespace, urgency }] of arrivals.entries()) {
        await clock.advance(gap);
        submit(`${index}`, namespace, urgency);
      }
      await clock.advance(arrivals.length * (options.callMs + 1000));
      await flushPromises();
      assert.equal(started.length, arrivals.length);
      assert.ok(seen.mostAtOnce <= options.concurrency);
      for (const { at } of started) {
        const inSecond = started.filter((other) => other.at >= at && other.at < at + 1000);
        assert.ok(inSecond.length <= options.burst + options.rate);
      }
    }),
    { numRuns: 60 },
  );
});
