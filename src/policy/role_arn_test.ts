import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatRoleArn, parseRoleArn, type RoleArn, type RoleArnFault } from "./role_arn.ts";

const own = "arn:aws:iam::111122223333:role";

// text, partition, account, path, name
const roles = [
  [`${own}/reader`, "aws", "111122223333", "/", "reader"],
  [`${own}/team/reader`, "aws", "111122223333", "/team/", "reader"],
  [`${own}/a//b/reader`, "aws", "111122223333", "/a//b/", "reader"],
  [`${own}/a:b/c*d/x`, "aws", "111122223333", "/a:b/c*d/", "x"],
  [`${own}/role/role`, "aws", "111122223333", "/role/", "role"],
  [`${own}/_+=,.@-`, "aws", "111122223333", "/", "_+=,.@-"],
  [`${own}/${"n".repeat(64)}`, "aws", "111122223333", "/", "n".repeat(64)],
  [`${own}/${"p".repeat(510)}/x`, "aws", "111122223333", `/${"p".repeat(510)}/`, "x"],
  ["arn:aws-cn:iam::000000000000:role/x", "aws-cn", "000000000000", "/", "x"],
  ["arn:aws-us-gov:iam::111122223333:role/x", "aws-us-gov", "111122223333", "/", "x"],
  ["arn:aws-iso:iam::111122223333:role/x", "aws-iso", "111122223333", "/", "x"],
  ["arn:aws-iso-b:iam::111122223333:role/x", "aws-iso-b", "111122223333", "/", "x"],
  ["arn:aws-eusc:iam::111122223333:role/x", "aws-eusc", "111122223333", "/", "x"],
] as const;

for (const [text, partition, account, path, name] of roles) {
  test(`role ARN ${text.slice(0, 60)}`, () => {
    assert.deepEqual(parseRoleArn(text), {
      kind: "role",
      role: { partition, account, path, name },
    });
  });
}

const faults: readonly (readonly [text: string, fault: RoleArnFault])[] = [
  ["", "prefix"],
  ["reader", "prefix"],
  ["arn:x", "prefix"],
  ["arn:aws:iam:", "prefix"],
  [`ARN${own.slice(3)}/x`, "prefix"],
  [` ${own}/x`, "prefix"],
  ["arn::iam::111122223333:role/x", "partition"],
  ["arn:AWS:iam::111122223333:role/x", "partition"],
  ["arn:gcp:iam::111122223333:role/x", "partition"],
  ["arn:*:iam::111122223333:role/x", "partition"],
  ["arn:aws-:iam::111122223333:role/x", "partition"],
  ["arn:aws:sts::111122223333:role/x", "service"],
  ["arn:aws:s3:::bucket", "service"],
  ["arn:aws:iam:eu-west-1:111122223333:role/x", "region"],
  ["arn:aws:iam::11112222333:role/x", "account"],
  ["arn:aws:iam::1111222233334:role/x", "account"],
  ["arn:aws:iam::*:role/x", "account"],
  ["arn:aws:iam::１１１１２２２２３３３３:role/x", "account"],
  ["arn:aws:iam::aws:role/x", "account"],
  ["arn:aws:iam::111122223333:user/x", "resource"],
  ["arn:aws:iam::111122223333:role", "resource"],
  ["arn:aws:iam::111122223333:roles/x", "resource"],
  ["arn:aws:iam::111122223333:root", "resource"],
  ["arn:aws:sts::111122223333:assumed-role/x/y", "service"],
  [`${own}//x`, "path"],
  [`${own}/a b/x`, "path"],
  [`${own}/é/x`, "path"],
  [`${own}/a\u007f/x`, "path"],
  [`${own}/${"p".repeat(511)}/x`, "path"],
  [`${own}/`, "name"],
  [`${own}/team/`, "name"],
  [`${own}/*`, "name"],
  [`${own}/a b`, "name"],
  [`${own}/x\n`, "name"],
  [`${own}/x `, "name"],
  [`${own}/reаder`, "name"],
  [`${own}/a:b`, "name"],
  [`${own}/${"n".repeat(65)}`, "name"],
  [`${own}/${"x".repeat(65_536)}`, "length"],
  [":".repeat(2048), "prefix"],
];

for (const [text, fault] of faults) {
  test(`no role ARN, ${fault}: ${JSON.stringify(text.slice(0, 60))}`, () => {
    const parsed = parseRoleArn(text);
    assert.equal(parsed.kind === "malformed" ? parsed.fault : parsed.kind, fault);
  });
}

const nameUnits = "abcXYZ019_+=,.@-".split("");
const pathUnits = [...nameUnits, "/", ":", "*", "!", "~", '"', "\\"];
const role: fc.Arbitrary<RoleArn> = fc.record({
  partition: fc.constantFrom("aws", "aws-cn", "aws-us-gov", "aws-iso-f"),
  account: fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 12, maxLength: 12 }),
  path: fc.string({ unit: fc.constantFrom(...pathUnits), maxLength: 40 })
    .map((inner) => inner === "" ? "/" : `/${inner}/`),
  name: fc.string({ unit: fc.constantFrom(...nameUnits), minLength: 1, maxLength: 64 }),
}, { noNullPrototype: true });

test("role ARN: parse inverts format", () => {
  fc.assert(fc.property(role, (value) => {
    assert.deepEqual(parseRoleArn(formatRoleArn(value)), { kind: "role", role: value });
  }));
});

test("role ARN: format inverts parse, for every text that is one", () => {
  const nearly = fc.array(
    fc.constantFrom("arn", "aws", "iam", ":", "/", "role", "1".repeat(12), "x"),
  );
  fc.assert(fc.property(nearly.map((parts) => parts.join("")), (text) => {
    const parsed = parseRoleArn(text);
    if (parsed.kind === "role") assert.equal(formatRoleArn(parsed.role), text);
  }));
});
