import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { podFacts } from "../../tests/fakes/facts.ts";
import { sessionTags } from "./session_tags.ts";

test("session tags: EKS's keys, the cluster only where it has a name", () => {
  const tags = [
    ["kubernetes-namespace", "shop"],
    ["kubernetes-service-account", "default"],
    ["kubernetes-pod-name", "web"],
    ["kubernetes-pod-uid", "uid-web"],
  ];
  assert.deepEqual(sessionTags(podFacts(), null), tags);
  assert.deepEqual(sessionTags(podFacts(), "c1"), [...tags, ["eks-cluster-name", "c1"]]);
});

test("session tags: values that STS takes, for every text", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 400 }), (text) => {
    for (const [, value] of sessionTags(podFacts({ name: text, uid: text }), text)) {
      assert.match(value, /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u);
    }
  }));
});
