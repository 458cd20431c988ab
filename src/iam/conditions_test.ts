import assert from "node:assert/strict";
import { test } from "node:test";
import { conditionHolds } from "./conditions.ts";

const context = new Map([
  ["sts:externalid", ["prod/shop/cart"]],
  ["aws:tagkeys", ["team", "cluster"]],
  ["aws:principaltag/team", ["shop*"]],
  ["aws:principalarn", ["arn:aws:iam::123456789012:role/team/a:b"]],
  ["aws:epochtime", ["1767225600"]],
  ["aws:currenttime", ["2026-01-01T00:00:00.000Z"]],
  ["aws:securetransport", ["true"]],
]);

// operator, key, values, whether it holds
const cases: readonly (readonly [string, string, string[], boolean])[] = [
  ["StringEquals", "STS:ExternalId", ["prod/shop/cart"], true],
  ["StringEquals", "sts:ExternalId", ["prod/shop/*"], false],
  ["StringEqualsIgnoreCase", "sts:ExternalId", ["PROD/shop/cart"], true],
  ["StringLike", "sts:ExternalId", ["x", "prod/*/c?rt"], true],
  ["StringLike", "sts:ExternalId", ["prod/shop"], false],
  ["StringNotLike", "sts:ExternalId", ["x*", "prod/*"], false],
  ["StringNotEquals", "sts:ExternalId", ["x", "y"], true],
  ["StringEquals", "sts:SourceIdentity", ["x"], false],
  ["StringNotEquals", "sts:SourceIdentity", ["x"], true],
  ["StringEqualsIfExists", "sts:SourceIdentity", ["x"], true],
  ["StringEqualsIfExists", "sts:ExternalId", ["x"], false],
  ["Null", "sts:SourceIdentity", ["true"], true],
  ["Null", "sts:ExternalId", ["true"], false],
  ["Null", "sts:ExternalId", ["false"], true],
  ["ForAllValues:StringEquals", "aws:TagKeys", ["team", "cluster", "x"], true],
  ["ForAllValues:StringEquals", "aws:TagKeys", ["team"], false],
  ["ForAllValues:StringEquals", "absent", ["team"], true],
  ["ForAnyValue:StringEquals", "aws:TagKeys", ["team"], true],
  ["ForAnyValue:StringEquals", "absent", ["team"], false],
  ["ForAnyValue:StringNotEquals", "aws:TagKeys", ["team"], true],
  ["ArnLike", "aws:PrincipalArn", ["arn:aws:iam::*:role/team/*"], true],
  ["ArnLike", "aws:PrincipalArn", ["arn:*:role/team/a:b"], false],
  ["ArnNotEquals", "aws:PrincipalArn", ["arn:aws:iam::123456789012:role/team/a:b"], false],
  ["NumericLessThan", "aws:EpochTime", ["1767225601"], true],
  ["NumericGreaterThanEquals", "aws:EpochTime", ["1767225601"], false],
  ["DateLessThan", "aws:CurrentTime", ["2026-01-01T00:00:01Z"], true],
  ["DateGreaterThan", "aws:CurrentTime", ["1767225600"], false],
  ["Bool", "aws:SecureTransport", ["true"], true],
  // A variable's text is literal, whatever it contains.
  ["StringLike", "sts:ExternalId", ["prod/${aws:PrincipalTag/team}/*"], false],
  ["StringEquals", "aws:PrincipalTag/team", ["shop${*}"], true],
  ["StringLike", "sts:ExternalId", ["${absent}*"], false],
  ["StringLike", "sts:ExternalId", ["${absent, 'prod'}/*"], true],
];

for (const [operator, key, values, expected] of cases) {
  test(`${operator} ${key} ${values}: ${expected}`, () => {
    assert.equal(conditionHolds({ operator, key, values }, context, true), expected);
  });
}

test("variables are literal text in policies of version 2008-10-17", () => {
  const condition = { operator: "StringEquals", key: "k", values: ["${aws:x}"] };
  assert.ok(conditionHolds(condition, new Map([["k", ["${aws:x}"]]]), false));
});

test("a pattern of many wildcards takes no exponential time", () => {
  const condition = { operator: "StringLike", key: "k", values: ["*a".repeat(200) + "b"] };
  assert.equal(conditionHolds(condition, new Map([["k", ["a".repeat(2000)]]]), true), false);
});
