import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import { dedupLog } from "./log_dedup.ts";
import type { Log } from "./log.ts";

function counted(): { log: Log; clock: ManualClock; lines: unknown[][] } {
  const clock = new ManualClock();
  const lines: unknown[][] = [];
  const write = (level: string) => (fields: object, message: string) =>
    void lines.push([level, message, fields]);
  const plain = {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
  };
  return { log: dedupLog(plain, clock), clock, lines };
}

test("dedupLog() writes the first line, then one a minute with the count", async () => {
  const { log, clock, lines } = counted();
  for (let n = 1; n <= 500; n++) log.info({ pod: "a", n, requestId: `r${n}` }, "request refused");
  assert.equal(lines.length, 1);
  await clock.advance(60_000);
  assert.deepEqual(lines.at(-1), [
    "info",
    "request refused",
    { pod: "a", n: 500, requestId: "r500", repeated: 499 },
  ]);
  log.info({ pod: "a", n: 501, requestId: "r501" }, "request refused");
  assert.equal(lines.length, 2, "it goes on, so it is counted again");
});

test("dedupLog() writes nothing and leaves no timer after quiet minutes", async () => {
  const { log, clock, lines } = counted();
  for (let n = 0; n < 5; n++) log.warn({ pod: "a" }, "denied");
  await clock.advance(180_000);
  assert.deepEqual([lines.length, clock.pending()], [2, 0]);
  log.warn({ pod: "a" }, "denied");
  assert.equal(lines.length, 3);
});

test("dedupLog() distinguishes lines by level, message and texts", () => {
  const { log, lines } = counted();
  log.info({ pod: "a" }, "denied");
  log.warn({ pod: "a" }, "denied");
  log.warn({ pod: "b" }, "denied");
  log.warn({ pod: "b" }, "refused");
  log.warn({ pod: "b" }, "refused");
  assert.equal(lines.length, 4);
});

test("dedupLog() doesn't deduplicate debug lines", () => {
  const { log, lines } = counted();
  for (let n = 0; n < 3; n++) log.debug({}, "looked");
  assert.equal(lines.length, 3);
});

test("dedupLog() keeps a bounded number of kinds", () => {
  const { log, clock } = counted();
  for (let n = 0; n < 5_000; n++) log.info({ pod: `p${n}` }, "denied");
  assert.equal(clock.pending(), 1_000);
});
