import { test } from "node:test";
import assert from "node:assert/strict";
import { flag } from "./flags.ts";

// text, seconds
const durations = [
  ["90s", 90],
  ["15m", 900],
  ["1h30m", 5400],
  ["1d", undefined],
  ["90", undefined],
  ["", undefined],
  ["-1s", undefined],
  ["1h ", undefined],
] as const;
for (const [text, seconds] of durations) {
  test(`flag.duration() reads ${JSON.stringify(text)}: ${seconds}`, () => {
    assert.equal(flag.duration("1h", "").read(text), seconds);
  });
}
