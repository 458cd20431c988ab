import assert from "node:assert/strict";
import { test } from "node:test";
import { PolicySettingsFault, reservedRoles } from "./reserved_roles.ts";

const server = { partition: "aws", account: "111122223333", path: "/", name: "server" };
const fullArn = "arn:aws:iam::111122223333:role/infra/server";
const sessionArn = "arn:aws:sts::111122223333:assumed-role/server/i-0123456789abcdef0";

// entries, role, reserved
const cases = [
  [[], server, false],
  [[fullArn], { ...server, path: "/infra/" }, true],
  [[fullArn], server, true],
  [[sessionArn], server, true],
  [[sessionArn], { ...server, path: "/infra/" }, true],
  [[sessionArn], { ...server, name: "SERVER" }, true],
  [[sessionArn], { ...server, name: "server-2" }, false],
  [[sessionArn], { ...server, account: "999988887777" }, false],
  [["arn:aws:iam::111122223333:user/server"], server, false],
  [["arn:aws:iam::111122223333:root", fullArn], server, true],
] as const;

for (const [entries, role, expected] of cases) {
  test(`reserved ${entries.join(" ") || "nothing"}: ${role.account} ${role.path}${role.name}`, () => {
    assert.equal(reservedRoles(entries)(role), expected);
  });
}

test("reserved: an entry that is no ARN is a fault, and permits nothing", () => {
  for (const entry of ["", "server", "arn:aws:s3:::bucket"]) {
    assert.throws(() => reservedRoles([entry]), PolicySettingsFault);
  }
});
