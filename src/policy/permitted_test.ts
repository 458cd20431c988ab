import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parsePermitted } from "./permitted.ts";

const arn = "arn:aws:iam::111122223333:role/reader";

test("permitted: an empty expression is reported separately", () => {
  assert.deepEqual(parsePermitted(""), { kind: "empty" });
});

// what is wrong, expression, how the problem begins
const invalid = [
  ["no syntax", "(", "is not RE2 syntax: missing closing )"],
  ["look-ahead", "(?=x)", "is not RE2 syntax: "],
  ["over 1 KiB", "a".repeat(1025), "is longer than 1024 bytes"],
  ["over 1 KiB of UTF-8", "é".repeat(513), "is longer than 1024 bytes"],
  ["256 KiB", "(".repeat(262_144), "is longer than 1024 bytes"],
  ["a group a thousand times", `(${"a".repeat(900)}){1000}`, "expands to more than"],
  ["many thousands", "a{1000}".repeat(146), "expands to more than"],
  ["any thousands", ".{0,1000}".repeat(113), "expands to more than"],
  ["nested repeats", "((a{0,10}){0,10}){0,10}", "expands to more than"],
  ["a hundred in a hundred in a hundred", "((a{0,100}){0,100}){0,100}", "expands to more than"],
  ["over a thousand repeats", "a{1001}", "is not RE2 syntax: invalid repeat count"],
] as const;

for (const [name, text, problem] of invalid) {
  test(`permitted, invalid: ${name}`, () => {
    const parsed = parsePermitted(text);
    assert.equal(parsed.kind === "invalid" && parsed.problem.slice(0, problem.length), problem);
  });
}

// the largest and the slowest that are taken, each against ARNs of every length
const hostile = [
  "(a+)+$",
  "(.*)".repeat(250),
  ".*".repeat(490),
  "(.*a){0,160}",
  "(.{0,15}){0,30}",
  "((?:\\b|.){0,8}){0,15}",
  "(.*\\pL){0,160}",
  Array.from({ length: 512 }, (_, index) => index % 10).join("|"),
  Array(340).fill("\\pL").join("|"),
  "(?i)[" + "\\PL\\PN".repeat(160) + "]",
  "(".repeat(500) + ")".repeat(500),
  ".*a.{20}b",
];

for (const text of hostile) {
  test(`permitted: slow expressions are quick or refused: ${text.slice(0, 40)}`, () => {
    const started = performance.now();
    const parsed = parsePermitted(text);
    for (let length = 0; parsed.kind === "expression" && length < 500; length += 50) {
      parsed.test(`${arn}/${"a".repeat(length)}/x`);
    }
    // Far beyond what the slowest needs, far below what one that unfolds or backtracks would.
    assert.ok(performance.now() - started < 60_000);
  });
}

test("permitted: a list of ARNs may fill its 1 KiB", () => {
  const listed = Array.from(
    { length: 21 },
    (_, at) => `${arn.slice(0, -7)}/${at}-${"x".repeat(9)}`,
  );
  const parsed = parsePermitted(listed.join("|").slice(0, 1024));
  assert.ok(parsed.kind === "expression");
  assert.deepEqual([parsed.test(listed[0]!), parsed.test(arn)], [true, false]);
});

test("permitted: one expression matches many texts, each on its own", () => {
  const parsed = parsePermitted("arn:aws:iam::111122223333:role/(a|ab)");
  assert.ok(parsed.kind === "expression");
  const texts = ["a", "ab", "abc", "a"].map((name) => `arn:aws:iam::111122223333:role/${name}`);
  assert.deepEqual(texts.map((text) => parsed.test(text)), [true, true, false, true]);
});

test("permitted: total over every text, alone and matched", () => {
  const unit = fc.constantFrom(
    ..."()[]{}|*+?^$.\\:/-,0129aAzPQEpLUx<>=!i \n\u00e9\ud800".split(""),
  );
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 30 }), (text) => {
      const parsed = parsePermitted(text);
      if (parsed.kind === "expression") assert.equal(typeof parsed.test(arn), "boolean");
    }),
    { numRuns: 2000 },
  );
});
