import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { isTaken, waitToTakeOver } from "./handover.ts";

const never = new AbortController().signal;

const hosts = [
  ["::", "http://127.0.0.1:8181/livez"],
  ["0.0.0.0", "http://127.0.0.1:8181/livez"],
  ["fd00::5", "http://[fd00::5]:8181/livez"],
  ["10.0.0.5", "http://10.0.0.5:8181/livez"],
] as const;

for (const [host, expected] of hosts) {
  test(`isTaken() requests ${expected} for ${host}, whatever the status`, async () => {
    const requested: string[] = [];
    const client = {
      fetch: (url: string) => {
        requested.push(url);
        return Promise.resolve(new Response("no", { status: 400 }));
      },
      close: () => void requested.push("closed"),
    };
    assert.equal(await isTaken({ host, port: 8181 }, client, new ManualClock()), true);
    assert.deepEqual(requested, [expected, "closed"]);
  });
}

test("isTaken() an answer that comes too late: yes", async () => {
  const client = { fetch: () => new Promise<never>(() => {}), close: () => {} };
  const clock = new ManualClock();
  const taken = isTaken({ host: "::", port: 8181 }, client, clock);
  await clock.advance(500);
  assert.equal(await taken, true);
  assert.equal(clock.pending(), 0);
});

test("isTaken() is false if nothing listens, or if any free port will do", async () => {
  const refused = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
  const client = { fetch: () => Promise.reject(refused), close: () => {} };
  assert.equal(await isTaken({ host: "::", port: 8181 }, client, new ManualClock()), false);
  assert.equal(await isTaken({ host: "::", port: 0 }, client, new ManualClock()), false);
});

test("waitToTakeOver() waits until this agent is able", async () => {
  const clock = new ManualClock();
  const state = { able: false, done: false };
  const waiting = waitToTakeOver(
    { clock, able: () => state.able, taken: () => Promise.resolve(true) },
    never,
  ).then(() => void (state.done = true));
  await clock.advance(10_000);
  assert.equal(state.done, false);
  state.able = true;
  await clock.advance(300);
  assert.equal(state.done, true);
  await waiting;
});

test("waitToTakeOver() returns at once when the old agent is gone", async () => {
  const clock = new ManualClock();
  const parts = { clock, able: () => false, taken: () => Promise.resolve(false) };
  await waitToTakeOver(parts, never);
  assert.equal(clock.pending(), 0);
});
