import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { allows, globMatches, parseAllowedRoles } from "./allowed_roles.ts";

// annotation, what it parses to
const annotations = [
  ['["reader"]', { kind: "globs", globs: ["reader"] }],
  [' [ "a*" , "arn:aws:iam::1:role/x" ] ', {
    kind: "globs",
    globs: ["a*", "arn:aws:iam::1:role/x"],
  }],
  ["", { kind: "empty" }],
  ["[]", { kind: "empty" }],
  ["reader", { kind: "invalid", problem: "is not a JSON list of strings" }],
  ['"reader"', { kind: "invalid", problem: "is not a JSON list of strings" }],
  ["[1]", { kind: "invalid", problem: "is not a JSON list of strings" }],
  ['["a", null]', { kind: "invalid", problem: "is not a JSON list of strings" }],
  ["null", { kind: "invalid", problem: "is not a JSON list of strings" }],
  ["{}", { kind: "invalid", problem: "is not a JSON list of strings" }],
  ['["a"', { kind: "invalid", problem: "is not a JSON list of strings" }],
  ["[".repeat(16_385), { kind: "invalid", problem: "is longer than 16384 characters" }],
  ["[".repeat(16_384), { kind: "invalid", problem: "is not a JSON list of strings" }],
] as const;

for (const [text, expected] of annotations) {
  test(`allowed roles ${JSON.stringify(text.slice(0, 40))}`, () => {
    assert.deepEqual(parseAllowedRoles(text), expected);
  });
}

// glob, text, matches
const globs = [
  ["", "", true],
  ["", "a", false],
  ["a", "a", true],
  ["a", "ab", false],
  ["*", "", true],
  ["*", "a/b", true],
  ["a*", "a", true],
  ["a*", "ab/c", true],
  ["*b", "ab", true],
  ["*b", "ba", false],
  ["a*b", "ab", true],
  ["a*b", "a", false],
  ["ab*ba", "aba", false],
  ["a*b*c", "a-b-c", true],
  ["a*b*c", "a-c-b", false],
  ["a**c", "abc", true],
  ["a?c", "abc", false],
  ["a.c", "abc", false],
  ["[ab]", "a", false],
] as const;

for (const [glob, text, expected] of globs) {
  test(`glob ${JSON.stringify(glob)} on ${JSON.stringify(text)}: ${expected}`, () => {
    assert.equal(globMatches(glob, text), expected);
  });
}

test("glob: as the plain expression has it", () => {
  const glob = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 8 });
  const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 8 });
  fc.assert(
    fc.property(glob, text, (pattern, subject) => {
      const oracle = new RegExp(`^${pattern.replaceAll("*", ".*")}$`);
      assert.equal(globMatches(pattern, subject), oracle.test(subject));
    }),
    { numRuns: 2000 },
  );
});

const base = "arn:aws:iam::111122223333:role/";

// globs, ARN, base, allowed
const lists = [
  [["reader"], base + "reader", base, true],
  [["read*"], base + "reader", base, true],
  [["*"], base + "reader", base, true],
  [["*"], "arn:aws:iam::999988887777:role/reader", base, false],
  [["arn:*"], "arn:aws:iam::999988887777:role/reader", base, true],
  [["x", "arn:aws:iam::999988887777:role/r*"], "arn:aws:iam::999988887777:role/reader", base, true],
  [["reader"], base + "team/reader", base, false],
  [["team/*"], base + "team/reader", base, true],
  [["reader"], base + "team/reader", base + "team/", true],
  [["reader", "*"], base + "reader", null, false],
  [[base + "reader"], base + "reader", null, true],
  [[""], base + "reader", base, false],
  [[], base + "reader", base, false],
] as const;

for (const [list, arn, own, expected] of lists) {
  test(`allowed roles ${JSON.stringify(list)} for ${arn}, base ${own}: ${expected}`, () => {
    assert.equal(allows(list, arn, own), expected);
  });
}
