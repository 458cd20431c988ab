import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { podFacts } from "../../tests/fakes/facts.ts";
import {
  eksTags,
  sessionTags,
  sessionTagsProblem,
  sourceIdentityOf,
  sourceIdentityProblem,
} from "./session_tags.ts";

const values = {
  namespace: "shop",
  serviceAccount: "default",
  pod: "web",
  cluster: "c1",
  role: "reader",
  uid: "uid-web",
};

test("session tags: EKS's keys", () => {
  assert.deepEqual(sessionTags(eksTags, values, podFacts()).value, [
    ["kubernetes-namespace", "shop"],
    ["kubernetes-service-account", "default"],
    ["kubernetes-pod-name", "web"],
    ["kubernetes-pod-uid", "uid-web"],
    ["eks-cluster-name", "c1"],
  ]);
});

test("session tags: values that STS accepts, for every text, or a denial", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 400 }), (pod) => {
    const checked = sessionTags(eksTags, { ...values, pod }, podFacts());
    if (checked.denial !== null) return assert.equal(checked.denial.reason, "SessionTagsInvalid");
    assert.deepEqual(checked.value[2], ["kubernetes-pod-name", pod], "as it is, never shortened");
    assert.match(pod, /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u);
  }));
});

test("session tags: too long a value is a denial that names the tag", () => {
  const path = [{ key: "path", template: "{namespace}/{pod}" }];
  const { denial } = sessionTags(path, { ...values, pod: "p".repeat(253) }, podFacts());
  assert.match(
    denial?.message ?? "",
    /^pod shop\/web: session tag "path" is not one .*at most 256/,
  );
});

test("session tags: at most 50", () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, at) => ({ key: `k${at}`, template: "v" }));
  assert.equal(sessionTagsProblem(many(50), null), null);
  assert.equal(sessionTagsProblem(many(51), null), "has 51 tags, and STS accepts 50");
});

// key, template, what is wrong
const tags = [
  ["team", "{namespace}", null],
  ["team", "v".repeat(256), null],
  ["team", "v".repeat(255) + "{cluster}", /more than 256 characters/],
  ["team", "{name_space}", /has a \{ or \}/],
  ["team", "a&b", /template contains a character/],
  ["Aws:team", "v", /reserved/],
  ["", "v", /1 to 128/],
  ["k".repeat(129), "v", /1 to 128/],
  ["a&b", "v", /the key contains a character/],
  ["kubernetes-Namespace", "v", /twice/],
] as const;

for (const [key, template, expected] of tags) {
  test(`session tag ${key.slice(0, 20)}=${template.slice(0, 20)}: ${expected}`, () => {
    const problem = sessionTagsProblem([eksTags[0]!, { key, template }], "c1");
    if (expected === null) assert.equal(problem, null);
    else assert.match(problem ?? "", expected);
  });
}

test("source identity: what every pod's would be", () => {
  assert.equal(sourceIdentityProblem("{namespace}.{serviceAccount}", null), null);
  assert.match(sourceIdentityProblem("AWS:{namespace}", null) ?? "", /reserved/);
  assert.match(sourceIdentityProblem("{cluster}.x", "c".repeat(63)) ?? "", /more than 64/);
  assert.match(sourceIdentityProblem("{cluster}", "a/b") ?? "", /character/);
});

// template, namespace, source identity or the denial's reason
const sourceIdentities = [
  [null, "shop", null],
  ["{namespace}.{serviceAccount}", "shop", "shop.default"],
  ["{namespace}.{serviceAccount}", "n".repeat(63), "SourceIdentityInvalid"],
  ["{namespace}", "n", "SourceIdentityInvalid"],
  ["{namespace}", "n/m", "SourceIdentityInvalid"],
] as const;

for (const [template, namespace, expected] of sourceIdentities) {
  test(`source identity ${template} in ${namespace.slice(0, 9)}: ${expected}`, () => {
    const checked = sourceIdentityOf(template, { ...values, namespace }, podFacts());
    assert.equal(checked.denial === null ? checked.value : checked.denial.reason, expected);
  });
}
