import { test } from "node:test";
import assert from "node:assert/strict";
import { canonicalAddress } from "./address.ts";

const cases = [
  ["10.0.0.7", "10.0.0.7"],
  ["::ffff:10.0.0.7", "10.0.0.7"],
  ["FD00:0:0::7", "fd00::7"],
  ["fd00::1:0:0:7", "fd00::1:0:0:7"],
  ["fe80::1%eth0", undefined],
  ["010.0.0.7", undefined],
  ["10.0.7", undefined],
  ["256.0.0.1", undefined],
  ["", undefined],
  ["pod", undefined],
] as const;

for (const [text, expected] of cases) {
  test(`canonicalAddress(${JSON.stringify(text)}) is ${expected}`, () => {
    assert.equal(canonicalAddress(text), expected);
  });
}
