/** Expressions and ARNs with what Go's regexp package says of them (tests/policy): it is kiam's. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parsePermitted } from "./permitted.ts";

interface Vectors {
  readonly arns: readonly string[];
  readonly outcomes: readonly {
    readonly expression: string;
    readonly valid: boolean;
    readonly matches: readonly number[];
  }[];
}

const file = new URL("../../tests/policy/permitted_vectors.json", import.meta.url);
const { arns, outcomes }: Vectors = JSON.parse(readFileSync(file, "utf8"));

/** Go compiles these; here they permit nothing, and the namespace gets an Event. */
const refusedHere = new Set<string>([
  // Newer Go takes a name twice, and more names of Unicode classes than RE2's syntax page has.
  "(?P<n>a)(?P<n>b)|.*",
  "(?P<n>.*)|(?<n>x)",
  "\\p{Letter}.*",
  "\\p{ASCII}+",
  "\\p{latin}+.*",
  // Larger unfolded than a namespace may have it.
  ".{0,1000}",
  ".{0,1000}.{0,1000}",
  "((.{0,10}){0,10}){0,10}",
  "(.{0,30}){0,30}(.{0,30}){0,30}",
]);

for (const { expression, valid, matches } of outcomes) {
  if (expression === "") continue;
  test(`permitted ${JSON.stringify(expression)}: as Go has it`, () => {
    const parsed = parsePermitted(expression);
    assert.equal(parsed.kind === "expression", valid && !refusedHere.has(expression));
    if (parsed.kind !== "expression") return;
    const matched = arns.flatMap((arn, index) => parsed.test(arn) ? [index] : []);
    assert.deepEqual(matched, matches);
  });
}

test("permitted vectors: over 200 expressions, both kinds", () => {
  assert.ok(outcomes.length > 200);
  assert.ok(outcomes.some((outcome) => !outcome.valid));
  for (const expression of refusedHere) {
    assert.ok(outcomes.some((outcome) => outcome.valid && outcome.expression === expression));
  }
});
