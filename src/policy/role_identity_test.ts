import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import type { RoleIdentity } from "./facts.ts";
import { identityKey } from "./role_identity.ts";

const plain: RoleIdentity = {
  arn: "arn:aws:iam::111122223333:role/reader",
  sessionName: "shop.cart",
  externalId: null,
  durationSeconds: 3600,
  tags: [],
};

test("identity key: SHA-256 in hex, the same for equal identities", () => {
  assert.match(identityKey(plain), /^[0-9a-f]{64}$/);
  assert.equal(identityKey({ ...plain, tags: [] }), identityKey(plain));
});

const others: readonly (readonly [name: string, change: Partial<RoleIdentity>])[] = [
  ["ARN", { arn: "arn:aws:iam::111122223333:role/writer" }],
  ["session name", { sessionName: "shop.cart2" }],
  ["external ID", { externalId: "ab" }],
  ["external ID that reads null", { externalId: "null" }],
  ["duration", { durationSeconds: 900 }],
  ["tags", { tags: [["a", "b"]] }],
];

for (const [name, change] of others) {
  test(`identity key: another ${name}, another key`, () => {
    assert.notEqual(identityKey({ ...plain, ...change }), identityKey(plain));
  });
}

test("identity key: equal exactly where the identities are", () => {
  const text = fc.string({
    unit: fc.constantFrom("a", '"', ",", "]", "[", "\\", "\ud800"),
    maxLength: 3,
  });
  const identity = fc.record({
    arn: text,
    sessionName: text,
    externalId: fc.option(text),
    durationSeconds: fc.nat(2),
    tags: fc.array(fc.tuple(text, text), { maxLength: 2 }),
  }, { noNullPrototype: true });
  fc.assert(
    fc.property(identity, identity, (one, other) => {
      const equal = isDeepStrictEqual(one, other);
      assert.equal(identityKey(one) === identityKey(other), equal);
    }),
    { numRuns: 2000 },
  );
});
