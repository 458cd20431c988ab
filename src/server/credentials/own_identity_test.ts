import assert from "node:assert/strict";
import { test } from "node:test";
import { flushPromises, ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { quietLog } from "../../../tests/fakes/quiet_log.ts";
import { OwnIdentity, type ReadCallerArns } from "./own_identity.ts";

function started(readCallerArns: ReadCallerArns, clock = new ManualClock()) {
  const found: (readonly string[])[] = [];
  const stop = new AbortController();
  const own = new OwnIdentity({
    readCallerArns,
    clock,
    log: quietLog,
    random: () => 1,
  });
  own.subscribe((arns) => found.push(arns));
  return { clock, found, stop, own, running: own.run(stop.signal) };
}

test("OwnIdentity: known after the first answer, and not looked up again", async () => {
  let requested = 0;
  const { clock, found, own, running } = started(() => Promise.resolve([`arn ${++requested}`]));
  await running;
  assert.deepEqual([found, own.problem, own.knownOrOverdue, clock.pending()], [
    [["arn 1"]],
    null,
    true,
    0,
  ]);
});

test("OwnIdentity: retries after 1, 2, 4 … 30 s and gives the reason", async () => {
  const at: number[] = [];
  const clock = new ManualClock();
  const { own, stop, running } = started(() => {
    at.push(clock.now());
    return Promise.reject(new Error("no credentials"));
  }, clock);
  await clock.advance(100_000);
  const waits = at.slice(1).map((time, i) => (time - at[i]!) / 1000);
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 30, 30]);
  assert.equal(own.problem, "no credentials");
  stop.abort();
  await running;
  assert.equal(clock.pending(), 0);
});

test("OwnIdentity: after 15 s the server continues without it", async () => {
  const { clock, own } = started(() => Promise.reject(new Error("away")));
  await clock.advance(14_999);
  assert.equal(own.knownOrOverdue, false);
  await clock.advance(1);
  assert.equal(own.knownOrOverdue, true);
});

test("OwnIdentity: an unusable answer is a problem like any other", async () => {
  const clock = new ManualClock();
  const own = new OwnIdentity({
    readCallerArns: () => Promise.resolve(["nonsense"]),
    clock,
    log: quietLog,
    random: () => 1,
  });
  own.subscribe(() => {
    throw new Error("no ARN");
  });
  const stop = new AbortController();
  const running = own.run(stop.signal);
  await flushPromises();
  assert.equal(own.problem, "no ARN");
  stop.abort();
  await running;
});

test("OwnIdentity: on demand, each attempt is one that somebody waits for", async () => {
  const clock = new ManualClock();
  let requested = 0;
  const own = new OwnIdentity({
    readCallerArns: () => {
      if (++requested === 3) return Promise.resolve(["arn 3"]);
      return Promise.reject(new Error("no credentials"));
    },
    onDemand: true,
    clock,
    log: quietLog,
    random: () => 1,
  });
  const stop = new AbortController();
  const running = own.run(stop.signal);
  await clock.advance(100_000);
  assert.equal(requested, 0);
  const wanted = () => own.whenKnown(stop.signal);
  await assert.rejects(wanted(), /no credentials/);
  await clock.advance(100_000);
  assert.equal(requested, 1);
  await assert.rejects(wanted(), /no credentials/);
  await clock.advance(100_000);
  assert.equal(requested, 2);
  await assert.rejects(wanted(), /no credentials/);
  await clock.advance(100_000);
  await running;
  assert.deepEqual([requested, own.problem], [3, null]);
  await wanted();
});
