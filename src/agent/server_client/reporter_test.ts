import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { runReporter } from "./reporter.ts";

test("a report goes out on change, every 30 s, and to a new replica", async () => {
  const clock = new ManualClock();
  const stop = new AbortController();
  const sent: string[] = [];
  const state = { assignments: 0, address: null as string | null };
  const running = runReporter({
    clock,
    address: () => state.address,
    report: () => ({
      version: "1",
      ready: true,
      redirect: { kind: "none", inPlace: true, repairs: 0 },
      assignments: state.assignments,
      withoutToken: [{ uid: "u", at: String(clock.now()) }],
    }),
    send: (body) => {
      sent.push(body);
      return sent.length === 2
        ? Promise.reject(new Error("gone"))
        : Promise.resolve(new Response());
    },
  }, stop.signal);
  await clock.advance(5000);
  assert.equal(sent.length, 0);
  state.address = "10.0.1.1";
  await clock.advance(29_000);
  assert.equal(sent.length, 1);
  state.assignments = 3;
  await clock.advance(1000);
  assert.equal(JSON.parse(sent[1] ?? "{}").assignments, 3);
  await clock.advance(30_000);
  assert.equal(sent.length, 3);
  state.address = "10.0.1.2";
  await clock.advance(1000);
  assert.equal(sent.length, 4);
  stop.abort();
  await running;
  assert.equal(clock.pending(), 0);
});
