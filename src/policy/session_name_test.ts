import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { sanitisedSessionName, sessionName } from "./session_name.ts";

const values = {
  namespace: "shop",
  serviceAccount: "cart",
  pod: "p-0",
  cluster: "c1",
  role: "r",
  uid: "u-1",
};
const usual = "{namespace}.{serviceAccount}";

// annotation, template, session name
const cases = [
  [null, usual, "shop.cart"],
  ["", usual, "shop.cart"],
  ["mine", usual, "mine"],
  ["mine {pod}", usual, "mine--pod-"],
  [" ", usual, "--"],
  ["x", usual, "x-"],
  ["日本", usual, "--"],
  ["a\nb/c:d", usual, "a-b-c-d"],
  ["n".repeat(65_536), usual, "n".repeat(64)],
  [null, "{pod}@{cluster}={role}", "p-0@c1=r"],
  [null, "{pod}{pod}", "p-0p-0"],
  [null, "{unknown}", "-unknown-"],
  [null, "{constructor}{toString}", "-constructor--toString-"],
  [null, "", "--"],
  [null, "{namespace", "-namespace"],
] as const;

for (const [annotation, template, expected] of cases) {
  test(`session name ${JSON.stringify(annotation?.slice(0, 20))} in ${template}`, () => {
    assert.equal(sessionName(annotation, template, values), expected);
  });
}

test("session name: what a value looks like isn't filled in again", () => {
  assert.equal(sessionName(null, "{pod}", { ...values, pod: "{namespace}" }), "-namespace-");
});

test("session name: valid for every text, and the same when made twice", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 90 }), (text) => {
    const name = sanitisedSessionName(text);
    assert.match(name, /^[\w+=,.@-]{2,64}$/);
    assert.equal(sanitisedSessionName(name), name);
  }));
});
