import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { addressBytes, canonicalAddress, canonicalAddresses, peerAddress } from "./ip_address.ts";

const cases = [
  ["10.0.0.7", "10.0.0.7"],
  ["::ffff:10.0.0.7", "10.0.0.7"],
  ["FD00:0:0::7", "fd00::7"],
  ["fd00::1:0:0:7", "fd00::1:0:0:7"],
  ["::ffff:0:0", "0.0.0.0"],
  ["::ffff:102:fffe", "1.2.255.254"],
  ["64:ff9b::1.2.3.4", "64:ff9b::102:304"],
  ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
  ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"],
  ["::", "::"],
  ["[::1]", undefined],
  ["::1/64", undefined],
  ["1::2::3", undefined],
  ["12345::", undefined],
  ["fe80::1%eth0", undefined],
  ["010.0.0.7", undefined],
  ["10.0.7", undefined],
  ["167772167", undefined],
  ["0x0a000007", undefined],
  ["10.0.0.7 ", undefined],
  ["::ffff:a00:7", "10.0.0.7"],
  ["::1.2.3.4", "::102:304"],
  ["256.0.0.1", undefined],
  ["", undefined],
  ["pod", undefined],
] as const;

for (const [text, expected] of cases) {
  test(`canonicalAddress(${JSON.stringify(text)}) is ${expected}`, () => {
    assert.equal(canonicalAddress(text), expected);
  });
}

// the socket's own form, canonical
const peers = [
  ["10.0.0.7", "10.0.0.7"],
  ["::ffff:10.0.0.7", "10.0.0.7"],
  ["::ffff:a00:7", "10.0.0.7"],
  ["fd00::7", "fd00::7"],
  ["fe80::1%eth0", "fe80::1"],
  ["::ffff:0:1", "0.0.0.1"],
  ["::1", "::1"],
  [undefined, undefined],
  ["", undefined],
] as const;

for (const [raw, expected] of peers) {
  test(`peerAddress(${raw}) is ${expected}`, () => assert.equal(peerAddress(raw), expected));
}

test("canonicalAddresses() keeps each address once and drops other text", () => {
  const texts = ["10.0.0.7", "::ffff:10.0.0.7", "pod", "FD00::7"];
  assert.deepEqual(canonicalAddresses(texts), ["10.0.0.7", "fd00::7"]);
});

test("canonicalAddress(): any IPv6 address in any spelling, as another reader understands it", () => {
  const group = fc.oneof(fc.constant(0), fc.constant(0xffff), fc.nat(0xffff));
  // ipaddr.js takes `::1.2.3.4`, which isn't mapped, for `::ffff:1.2.3.4`.
  const withDots = fc.ipV4().map((text) => `::ffff:${text}`);
  const spelling = fc.tuple(fc.array(group, { minLength: 8, maxLength: 8 }), fc.boolean());
  fc.assert(fc.property(fc.oneof(spelling.map(spelled), withDots), (text) => {
    const parsed = ipaddr.IPv6.parse(text);
    const expected = parsed.isIPv4MappedAddress() ? parsed.toIPv4Address() : parsed;
    assert.equal(canonicalAddress(text), expected.toString());
    assert.equal(peerAddress(text), expected.toString());
    assert.deepEqual(addressBytes(text), expected.toByteArray());
  }));
});

function spelled([groups, long]: [number[], boolean]): string {
  return groups.map((group) => group.toString(16).padStart(long ? 4 : 1, "0")).join(":");
}

test("addressBytes(): an IPv4 address has four; other text is an error", () => {
  assert.deepEqual(addressBytes("10.0.0.255"), [10, 0, 0, 255]);
  assert.throws(() => addressBytes("fe80::1%eth0"), TypeError);
});

test("canonicalAddress(): text that is nearly an address is one where others say so", () => {
  const near = fc.string({ unit: fc.constantFrom(..."01f9:.:.%"), maxLength: 14 });
  fc.assert(
    fc.property(near, (text) => {
      const v6 = text.includes(":") && !text.includes("%") && ipaddr.IPv6.isValid(text);
      const isOne = v6 || ipaddr.IPv4.isValidFourPartDecimal(text);
      assert.equal(canonicalAddress(text) !== undefined, isOne, text);
    }),
    { numRuns: 2000 },
  );
});
