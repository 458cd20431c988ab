import { test } from "node:test";
import assert from "node:assert/strict";
import { bundleOf, type CertificateState, decodeState, encodeState } from "./certificate_state.ts";

const state: CertificateState = {
  authorities: [
    { id: "a", certificate: "A\n", key: "KA", expiresAt: 9, retireAt: null },
    { id: "b", certificate: "B", key: null, expiresAt: 8, retireAt: 7 },
  ],
  leaf: {
    authority: "a",
    names: ["n"],
    issuedAt: 1,
    expiresAt: 5,
    certificate: "L",
    key: "KL",
  },
};

test("decodeState() inverts encodeState()", () => {
  assert.deepEqual(decodeState(encodeState(state)), state);
});

test("encodeState() gives the leaf the keys that other tools read", () => {
  const { "tls.crt": cert, "tls.key": key } = encodeState(state);
  assert.deepEqual([cert, key], ["L", "KL"]);
});

test("bundleOf() holds every authority once, one after the other", () => {
  assert.equal(bundleOf(state), "A\nB\n");
});

const whole = encodeState(state);
const orphan = { ...state, leaf: { ...state.leaf, authority: "c" } };

// name, data that somebody has left behind
const broken = [
  ["nothing", {}],
  ["no leaf", { ...whole, "tls.crt": "" }],
  ["no key", { ...whole, "tls.key": "" }],
  ["no document", { ...whole, "state.json": "" }],
  ["a document of another shape", { ...whole, "state.json": "[]" }],
  ["a later version", { ...whole, "state.json": '{"version":2}' }],
  ["a leaf without its authority", encodeState(orphan)],
] as const;

for (const [name, data] of broken) {
  test(`decodeState() ${name}: null`, () => assert.equal(decodeState(data), null));
}
