import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { denial, quoted, shown } from "./denial_text.ts";

// value, room, as shown
const cases = [
  ["reader", 20, "reader"],
  ["", 20, ""],
  ["two\nlines", 20, "two\\u000alines"],
  ["\u001b[31mred", 20, "\\u001b[31mred"],
  ["аrn", 20, "\\u0430rn"],
  ["a\u2028b", 20, "a\\u2028b"],
  ["\ud800", 20, "\\ud800"],
  ["abcdefghijklmnopqrstuvwxyz", 20, "abcdefghijkl...vwxyz"],
  ["éééééééééé", 20, "\\u00e9\\u00e9..."],
] as const;

for (const [value, room, expected] of cases) {
  test(`shown ${JSON.stringify(value)} within ${room}`, () => {
    assert.equal(shown(value, room), expected);
  });
}

test("shown: printable ASCII within its room, for every text", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 12, max: 300 }), fits));
});

test("shown: 64 KiB are cut without reading all of them", () => {
  assert.equal(shown("x".repeat(65_536), 120).length, 120);
  assert.ok(shown("\u0000".repeat(65_536), 120).length <= 120);
});

test("quoted: double quotes around it", () => assert.equal(quoted("a b", 9), '"a b"'));

test("denial: at most 500 bytes, the remedy at its end kept", () => {
  const { reason, message } = denial("NotPermitted", "é".repeat(900) + "; change it");
  assert.equal(reason, "NotPermitted");
  assert.ok(new TextEncoder().encode(message).length <= 500);
  assert.ok(message.endsWith("; change it"));
});

function fits(value: string, room: number): void {
  const text = shown(value, room);
  assert.ok(text.length <= room);
  assert.match(text, /^[\x20-\x7e]*$/);
}
