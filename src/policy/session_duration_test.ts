import assert from "node:assert/strict";
import { test } from "node:test";
import { inWords, parseSessionDuration } from "./session_duration.ts";

// text, seconds or null, with at most 2 h
const cases = [
  ["900", 900],
  ["900s", 900],
  ["15m", 900],
  ["1h", 3600],
  ["2h", 7200],
  ["7200s", 7200],
  ["0015m", 900],
  ["899s", null],
  ["14m", null],
  ["7201s", null],
  ["3h", null],
  ["", null],
  ["0", null],
  ["h", null],
  ["1.5h", null],
  ["1h30m", null],
  ["-1h", null],
  ["+1h", null],
  ["1 h", null],
  ["1h ", null],
  ["1h\n", null],
  ["1H", null],
  ["1d", null],
  ["1e3", null],
  ["0x400", null],
  ["１５m", null],
  ["9".repeat(400), null],
] as const;

for (const [text, seconds] of cases) {
  test(`session duration ${JSON.stringify(text.slice(0, 20))}`, () => {
    const parsed = parseSessionDuration(text, 7200);
    assert.equal(parsed.kind === "duration" ? parsed.seconds : null, seconds);
  });
}

test("session duration: the problem names the limit", () => {
  const parsed = parseSessionDuration("12h", 3600);
  assert.equal(parsed.kind === "invalid" && parsed.problem, "is more than the server's 1h");
});

test("durations in words", () => {
  assert.deepEqual([3600, 5400, 1000, 43200].map(inWords), ["1h", "90m", "1000s", "12h"]);
});
