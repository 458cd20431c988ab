import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { namespaceExpression, namespaceExpressionProblem } from "./namespace_expression.ts";

const role = "arn:aws:iam::111122223333:role/";

// expression, part of the problem or null
const problems = [
  [`${role}{namespace}`, null],
  [`${role}{namespace}/.*`, null],
  [`${role}trust-{namespace}`, null],
  [`${role}{namespace}-trust`, null],
  ["arn:aws:iam::\\d{12}:role/trust-{namespace}", null],
  ["^acme/{namespace}(?:/.*)?$", null],
  ["acme/{namespace}(/.*)?", null],
  ["(?:acme)/{namespace}/{namespace}/x", null],
  ["prod[:/]{namespace}[:/].*", null],
  ["acme/.*", "lacks {namespace}"],
  ["", "lacks {namespace}"],
  ["({namespace}", "is not RE2 syntax"],
  ["{namespace}(?=x)", "is not RE2 syntax"],
  ["acme/{namespace}.*", "names of shop-2"],
  ["acme/{namespace}-.*", "names of shop-2"],
  ["acme/{namespace}/?x", "names of shop-2"],
  ["acme/{namespace}(-.*)?", "names of shop-2"],
  ["acme/{namespace}[a-z]*", "names of shop-2"],
  ["acme/{namespace}[/]*x", "names of shop-2"],
  [".*{namespace}", "names of shop-2"],
  [".*-{namespace}/x", "names of shop-2"],
  ["(team-)?{namespace}", "names of shop-2"],
  ["acme/{namespace}(/.*|-x)?", "names of shop-2"],
  ["acme/{namespace}(/\\)|-x)", "names of shop-2"],
  ["acme/{namespace}(/[)]|-x)", "names of shop-2"],
  ["acme/{namespace}(/a)?[a-z-]*", "names of shop-2"],
  ["acme/{namespace}(/a){0,1}-.*", "names of shop-2"],
  ["acme/{namespace}(/a|:b)?(/.*)?", null],
  ["(?:acme/{namespace})[a-z-]*", "outside of groups"],
  ["(acme/{namespace}/.*)?", "outside of groups"],
  ["acme/[/{namespace}/]+", "outside of groups"],
  [".*|acme/{namespace}", "outside of groups"],
  ["acme/{namespace}|bank", "outside of groups"],
  [".*/{namespace}/.*", "vary both before and after"],
  ["(b/)+a/{namespace}(/.*)?", "vary both before and after"],
  [".*/{namespace}/x", null],
  ["arn:aws(?:-cn)?:iam::[0-9]{12}:role/{namespace}/.*", null],
] as const;

for (const [expression, expected] of problems) {
  test(`expression ${expression}: ${expected ?? "good"}`, () => {
    const problem = namespaceExpressionProblem(expression);
    if (expected === null) assert.equal(problem, null);
    else assert.ok(problem?.includes(expected), String(problem));
  });
}

test("an expression permits what it matches with the namespace's name, whole", () => {
  const { permits, permitsAny } = namespaceExpression(`${role}{namespace}/.*`);
  assert.ok(permits("shop", `${role}shop/x`));
  assert.ok(!permits("shop", `${role}shop-2/x`));
  assert.ok(!permits("shop", `x${role}shop/x`));
  assert.ok(permitsAny(`${role}any-name/x`));
  assert.ok(permitsAny(`${role.toUpperCase()}SHOP/X`), "IAM names are unique regardless of case");
  assert.ok(!permitsAny(`${role}x`));
});

test("an expression accepts only names that a namespace can have", () => {
  const { permits } = namespaceExpression("{namespace}/x");
  for (const name of ["", ".*", "a|b", "A", "-", "a-", "\\E", "a/b", "a".repeat(64), "(", "é"]) {
    assert.ok(!permits(name, `${name}/x`), name);
  }
  assert.ok(namespaceExpression("[{namespace}]/x").permits("a-z", "-/x"), "a-z is no range");
  assert.ok(!namespaceExpression("[{namespace}]/x").permits("a-z", "b/x"));
});

test("without an expression nothing is permitted", () => {
  const { permits, permitsAny } = namespaceExpression(null);
  assert.ok(!permits("shop", "shop") && !permitsAny("shop"));
});

test("an expression without a problem permits no text to two namespaces", () => {
  const piece = fc.constantFrom(
    "a",
    "b",
    "-",
    "/",
    ":",
    "|",
    ".*",
    "a?",
    "/?",
    "(b|-)",
    "(/a|:b)?",
    "(/.*)?",
    "(/|-)",
    "(a/)*",
    "(",
    ")",
    "[a-z-]",
    "[/:]",
    "\\d*",
  );
  const side = fc.array(piece, { maxLength: 3 }).map((pieces) => pieces.join(""));
  const name = fc.string({ unit: fc.constantFrom("a", "b", "-"), minLength: 1, maxLength: 3 });
  const filler = fc.string({ unit: fc.constantFrom("a", "b", "-", "/", ":"), maxLength: 4 });
  const names = fc.tuple(name, name);
  const texts = fc.tuple(filler, filler);
  let checked = 0;
  fc.assert(
    fc.property(side, side, names, texts, (before, after, [one, other], [left, right]) => {
      const expression = `${before}{namespace}${after}`;
      if (one === other || namespaceExpressionProblem(expression) !== null) return;
      checked++;
      const { permits } = namespaceExpression(expression);
      for (const text of [left + one + right, left + one + "/" + other + right]) {
        assert.ok(!(permits(one, text) && permits(other, text)), `${expression} on ${text}`);
      }
    }),
    { numRuns: 3_000 },
  );
  assert.ok(checked > 300, `${checked} expressions were good`);
});
