import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RE2JS } from "re2js";
import { programSizeBound } from "./program_bound.ts";

// expressions whose program must not be larger than the bound says
const tight = [
  "",
  "a",
  "a{9}",
  "a{9}?",
  "a{0,9}",
  "a{9,}",
  "a{0,}",
  "(ab){9}",
  "(ab)\\Q\\E{99}",
  "(ab)\\Q\\E\\Q\\E{99}",
  "(ab)(?i){99}",
  "(a|b|){9}",
  "((a{3}){3,5}b?){0,7}",
  "(?i)(k{2}[a-z]{3}){4}",
  "[{9}]{9}",
  "\\x{61}{9}",
  "\\Qab\\E{9}",
  "(\\Q(\\E){9}",
  "([)]a){9}",
  "([()]a){9}",
  "(a\\)b){9}",
  "(\\(){9}",
  "(()()()){9}",
  "(?P<n>x){9}",
  "(a**){9}",
  "(\\b^$){9}",
  "a{1000}",
  "(a{30}){30}",
];

for (const text of tight) {
  test(`program bound ${JSON.stringify(text)}`, () => assertBounds(text));
}

test("program bound: never below the engine's count, whatever the text", () => {
  const pieces = ["a", "(", "(?:", ")", "|", "*", "?", "+", "[", "]", "^", "$", ".", "\\", "\\Q"];
  const counts = [
    "{2}",
    "{0,3}",
    "{2,}",
    "{3,5}?",
    "{",
    "}",
    "\\E",
    "(?i)",
    "[^a]",
    "\\pL",
    "\\x{41}",
  ];
  const text = fc.array(fc.constantFrom(...pieces, ...counts), { maxLength: 25 });
  fc.assert(fc.property(text, (parts) => assertBounds(parts.join(""))), { numRuns: 2000 });
});

test("program bound: nested groups, as deep and as often as they compile", () => {
  const { tree } = fc.letrec<{ tree: string }>((tie) => ({
    tree: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom("a", ".", "[ab]", "\\d", "\\Q)\\E", "[(]"),
      fc.tuple(tie("tree"), tie("tree")).map(([left, right]) => left + right),
      fc.tuple(tie("tree"), tie("tree")).map(([left, right]) => `(${left}|${right})`),
      fc.tuple(tie("tree"), fc.nat(6), fc.nat(6)).map(([inner, least, more]) =>
        `(${inner}){${least},${least + more}}`
      ),
      tie("tree").map((inner) => `(?:${inner})*`),
    ),
  }));
  fc.assert(fc.property(tree, (text) => assertBounds(text)), { numRuns: 1000 });
});

function assertBounds(text: string): void {
  const bound = programSizeBound(text);
  if (bound > 100_000) return;
  const size = programSize(text);
  assert.ok(size === null || size <= bound, `${text}: ${size} > ${bound}`);
}

function programSize(text: string): number | null {
  try {
    return RE2JS.compile(text).programSize();
  } catch {
    return null;
  }
}
