import assert from "node:assert/strict";
import { test } from "node:test";
import { formatRoleArn } from "./role_arn.ts";
import { formatRoleBaseArn, parseRoleBaseArn, pathAndName, resolveRole } from "./role_base.ts";

const own = "arn:aws:iam::111122223333:role";

// setting, the base it means or null
const bases = [
  [`${own}/`, `${own}/`],
  [own, `${own}/`],
  [`${own}/team/`, `${own}/team/`],
  [`${own}/team`, `${own}/team/`],
  ["arn:aws-cn:iam::111122223333:role/", "arn:aws-cn:iam::111122223333:role/"],
  ["", null],
  ["arn:aws:iam::111122223333", null],
  ["arn:aws:iam::111122223333:", null],
  ["arn:aws:iam::111122223333:user/", null],
  ["arn:aws:iam::111122223333:roles", null],
  ["arn:aws:iam::1:role/", null],
  [`${own}//`, null],
  [`${own}/a b/`, null],
  [`${own}/${"p".repeat(65_536)}`, null],
] as const;

for (const [setting, expected] of bases) {
  test(`role base ${JSON.stringify(setting.slice(0, 60))}`, () => {
    const parsed = parseRoleBaseArn(setting);
    assert.equal(parsed.kind === "base" ? formatRoleBaseArn(parsed.base) : null, expected);
  });
}

const plain = { partition: "aws", account: "111122223333", path: "/" };
const team = { ...plain, path: "/team/" };
const other = "arn:aws-cn:iam::999988887777:role/p/reader";

// text, base, the ARN it means or the kind of refusal
const texts = [
  ["reader", plain, `${own}/reader`],
  ["/reader", plain, `${own}/reader`],
  ["team/reader", plain, `${own}/team/reader`],
  ["/team/reader", plain, `${own}/team/reader`],
  ["reader", team, `${own}/team/reader`],
  ["sub/reader", team, `${own}/team/sub/reader`],
  [other, plain, other],
  [other, null, other],
  ["reader", null, "base_unknown"],
  ["team/reader", null, "base_unknown"],
  ["", plain, "malformed"],
  ["", null, "malformed"],
  ["/", plain, "malformed"],
  ["//reader", plain, "malformed"],
  ["reader/", plain, "malformed"],
  ["a b", plain, "malformed"],
  ["a b", null, "malformed"],
  ["reader\n", plain, "malformed"],
  ["*", plain, "malformed"],
  ["arn:x", plain, "malformed"],
  ["ARN:aws:iam::111122223333:role/reader", plain, "malformed"],
  ["arn:aws:s3:::bucket", plain, "malformed"],
  ["reаder", plain, "malformed"],
  ["x".repeat(65_536), plain, "malformed"],
  ["p/".repeat(400) + "x", team, "malformed"],
] as const;

for (const [text, base, expected] of texts) {
  const where = base === null ? "without base" : `below ${base.path}`;
  test(`role ${JSON.stringify(text.slice(0, 40))} ${where}`, () => {
    const resolved = resolveRole(text, base);
    assert.equal(resolved.kind === "role" ? formatRoleArn(resolved.role) : resolved.kind, expected);
  });
}

test("path and name: without the leading slash", () => {
  assert.equal(pathAndName({ ...plain, name: "reader" }), "reader");
  assert.equal(pathAndName({ ...team, name: "reader" }), "team/reader");
});
