import { test } from "node:test";
import assert from "node:assert/strict";
import { Histogram, Registry } from "@prometheus-io/client";
import { RequestTally } from "./request_tally.ts";

const seconds = [0.001, 0.01, 2.5];
const observed = [
  ["roles", 200, 0.25],
  ["roles", 200, 1],
  ["token", 400, 1.0001],
  ["roles", 503, 900],
  ["roles", 200, 60_000],
] as const;

test("tally: reads as the library's own histogram would", async () => {
  const ours = new Registry();
  const theirs = new Registry();
  const tally = new RequestTally(seconds);
  tally.register(ours, "x_seconds", "help text");
  const own = new Histogram({
    name: "x_seconds",
    help: "help text",
    labelNames: ["handler"],
    buckets: seconds,
    registers: [theirs],
  });
  for (const [handler, code, ms] of observed) {
    tally.add(handler, code, ms);
    own.observe({ handler }, ms / 1000);
  }
  assert.equal(await ours.metrics(), await theirs.metrics());
});

test("tally: the same without a label, from the start", async () => {
  const ours = new Registry();
  const theirs = new Registry();
  const tally = new RequestTally(seconds, "without label");
  tally.register(ours, "x_seconds", "help text");
  const own = new Histogram({
    name: "x_seconds",
    help: "help text",
    buckets: seconds,
    registers: [theirs],
  });
  assert.equal(await ours.metrics(), await theirs.metrics());
  for (const ms of [1, 900, 60_000]) {
    tally.add(null, 200, ms);
    own.observe(ms / 1000);
  }
  assert.equal(await ours.metrics(), await theirs.metrics());
});

test("tally: counts by handler and code", () => {
  const tally = new RequestTally(seconds);
  for (const [handler, code, ms] of observed) tally.add(handler, code, ms);
  assert.deepEqual([...tally.counts()], [
    { handler: "roles", code: "200", count: 3 },
    { handler: "roles", code: "503", count: 1 },
    { handler: "token", code: "400", count: 1 },
  ]);
});
