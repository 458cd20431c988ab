import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCallerIdentity } from "./caller_identity.ts";

const account = "111122223333";

// ARN, partition, role name ("" = a caller without role, null = no caller's ARN)
const cases = [
  [`arn:aws:sts::${account}:assumed-role/server/i-0123456789abcdef0`, "aws", "server"],
  [`arn:aws-cn:sts::${account}:assumed-role/server/a.b@c`, "aws-cn", "server"],
  [`arn:aws:iam::${account}:role/server`, "aws", "server"],
  [`arn:aws:iam::${account}:role/a/b/server`, "aws", "server"],
  [`arn:aws:iam::${account}:user/a/alice`, "aws", ""],
  [`arn:aws:sts::${account}:federated-user/alice`, "aws", ""],
  [`arn:aws:iam::${account}:root`, "aws", ""],
  [`arn:aws:sts::${account}:assumed-role/server`, null, null],
  [`arn:aws:iam::${account}:assumed-role/server/x1`, null, null],
  [`arn:aws:iam::${account}:group/x`, null, null],
  [`arn:aws:iam::${account}:role/`, null, null],
  [`arn:aws:s3::${account}:root`, null, null],
  ["arn:aws:iam::1:root", null, null],
  ["arn:gcp:iam::111122223333:root", null, null],
  ["", null, null],
  ["x".repeat(65_536), null, null],
] as const;

for (const [arn, partition, role] of cases) {
  test(`caller ${arn.slice(0, 60)}`, () => {
    const base = { partition, account, path: "/" };
    const expected = partition === null ? null : { base, roleName: role === "" ? null : role };
    assert.deepEqual(parseCallerIdentity(arn), expected);
  });
}
