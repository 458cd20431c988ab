import assert from "node:assert/strict";
import { test } from "node:test";
import { isAmbiguous, templateParts, templateProblem } from "./template.ts";

// template, cluster, problem or null
const templates = [
  ["{namespace}.{serviceAccount}", null, null],
  ["{pod}", null, null],
  ["fixed", null, null],
  ["{cluster}", "c1", null],
  ["{cluster}", null, "has {cluster}, which needs --cluster-name"],
  ["", null, "is empty"],
  ["  ", null, "is empty"],
  ["{uid}", null, "has {uid}; valid placeholders:"],
  ["{}", null, "has {}; valid placeholders:"],
  ["{toString}", null, "has {toString}; valid placeholders:"],
  [
    "{service-account}",
    null,
    "has a { or } that isn't a placeholder's; valid placeholders: {namespace}",
  ],
  ["{{namespace}}", null, "has a { or }"],
  ["{namespace", null, "has a { or }"],
  ["namespace}", null, "has a { or }"],
] as const;

for (const [template, cluster, expected] of templates) {
  test(`template ${JSON.stringify(template)}: ${expected}`, () => {
    const problem = templateProblem(template, cluster);
    assert.equal(problem?.slice(0, expected?.length) ?? null, expected);
  });
}

test("template parts: text and placeholders in order; an open brace is text", () => {
  assert.deepEqual(templateParts("a{namespace}/{pod}{x"), [
    { text: "a" },
    { placeholder: "namespace" },
    { text: "/" },
    { placeholder: "pod" },
    { text: "{x" },
  ]);
});

// template, whether two sets of names can give the same text
const ambiguous = [
  ["{namespace}", false],
  ["x{namespace}", false],
  ["{namespace}/{serviceAccount}", false],
  ["{namespace}-a/b-{serviceAccount}", false],
  ["{namespace}{serviceAccount}", true],
  ["{namespace}-{serviceAccount}", true],
  ["{namespace}.{serviceAccount}", true],
  ["{cluster}/{namespace}-{serviceAccount}", true],
] as const;

for (const [template, expected] of ambiguous) {
  test(`template ${template}: ${expected ? "" : "not "}ambiguous`, () => {
    assert.equal(isAmbiguous(template, /[/:,=@+_]/), expected);
  });
}
