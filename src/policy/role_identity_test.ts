import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { roleIdentity } from "../../tests/fakes/facts.ts";
import type { RoleIdentity } from "./facts.ts";
import { identityKey } from "./role_identity.ts";

const plain = roleIdentity();

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
  ["transitive tags", { transitiveTagKeys: ["a"] }],
  ["source identity", { sourceIdentity: "shop.cart" }],
  ["managed session policies", { policyArns: ["arn:aws:iam::aws:policy/ReadOnlyAccess"] }],
  ["inline session policy", { policy: "{}" }],
  ["trust role", { assumedBy: roleIdentity() }],
  ["trust role's external ID", { assumedBy: roleIdentity({ externalId: "ab" }) }],
];

for (const [name, change] of others) {
  test(`identity key: another ${name}, another key`, () => {
    assert.notEqual(identityKey({ ...plain, ...change }), identityKey(plain));
  });
}

test("identity key: equal exactly if the identities are", () => {
  const text = fc.string({
    unit: fc.constantFrom("a", '"', ",", "]", "[", "\\", "\ud800"),
    maxLength: 3,
  });
  const texts = fc.array(text, { maxLength: 2 });
  const fields = {
    arn: text,
    sessionName: text,
    externalId: fc.option(text),
    durationSeconds: fc.nat(2),
    tags: fc.array(fc.tuple(text, text), { maxLength: 2 }),
    transitiveTagKeys: texts,
    sourceIdentity: fc.option(text),
    policyArns: texts,
    policy: fc.option(text),
  };
  const none = fc.constant(null);
  const plainObject = { noNullPrototype: true };
  const webIdentity = fc.option(
    fc.record({ namespace: text, serviceAccount: text, audience: text }, plainObject),
    { freq: 1 },
  );
  const first = fc.record({ ...fields, assumedBy: none, webIdentity: none }, plainObject);
  const identity = fc.record(
    { ...fields, assumedBy: fc.option(first, { freq: 1 }), webIdentity },
    plainObject,
  );
  fc.assert(
    fc.property(identity, identity, (one, other) => {
      const equal = isDeepStrictEqual(one, other);
      assert.equal(identityKey(one) === identityKey(other), equal);
    }),
    { numRuns: 2000 },
  );
});
