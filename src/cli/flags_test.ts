import { test } from "node:test";
import assert from "node:assert/strict";
import * as v from "valibot";
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
    const parsed = v.safeParse(flag.duration("1h", "").schema, text);
    assert.equal(parsed.success ? parsed.output : undefined, seconds);
  });
}

test("flag.boolean() accepts no inherited property name as a value", () => {
  assert.equal(v.safeParse(flag.boolean("").schema, "constructor").success, false);
});
