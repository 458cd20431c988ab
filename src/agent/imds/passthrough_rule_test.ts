import { test } from "node:test";
import assert from "node:assert/strict";
import { passthroughRule } from "./passthrough_rule.ts";

const id = "/latest/meta-data/instance-id";
const ssh = "/latest/meta-data/public-keys/";
const userData = "/latest/user-data";

// setting, with user data, path, allowed
const rows = [
  ["all", false, id, true],
  ["all", false, ssh, true],
  ["all", false, "/", true],
  ["all", false, userData, false],
  ["all", false, "/2021-01-03/USER-DATA/", false],
  ["all", true, userData, true],
  ["none", true, id, false],
  ["none", true, userData, false],
  ["safe", false, id, true],
  ["safe", false, "/2021-01-03/meta-data/placement/region", true],
  ["safe", false, "/latest/meta-data/placement/availability-zone/", true],
  ["safe", false, "/latest/dynamic/instance-identity/document", true],
  ["safe", false, "/latest/meta-data/network/interfaces/macs/", true],
  ["safe", false, "/latest/meta-data/network/interfaces/macs/02:29:96:8f:6a:2d/local-ipv4s", true],
  ["safe", false, "/latest/meta-data/network/interfaces/macs/02:29:96:8f:6a:2d/x", false],
  ["safe", false, ssh, false],
  ["safe", true, userData, false],
  ["safe", false, "/x/meta-data/instance-id", false],
  ["safe", false, `${id}/x`, false],
  [id, false, id, true],
  [id, false, `${id}/`, false],
  [id, false, `/x${id}`, false],
  [".*", false, ssh, true],
  [".*", false, userData, false],
  [".*", true, userData, true],
  ["/latest/a|/latest/b", false, "/latest/a", true],
  ["/latest/a|/latest/b", false, "/latest/ab", false],
] as const;

for (const [setting, withUserData, path, allowed] of rows) {
  test(`passthrough ${setting}${withUserData ? " with user data" : ""}: ${path}: ${allowed}`, () => {
    assert.equal(passthroughRule(setting, withUserData)(path), allowed);
  });
}

// path, whether it is at or below a tree of credentials
const trees = [
  ["/latest/meta-data/iam", true],
  ["/latest/meta-data/iam/", true],
  ["/latest/meta-data/iam/info", true],
  ["/LATEST/Meta-Data/IAM/x", true],
  ["/x/meta-data/identity-credentials/ec2/security-credentials/ec2-instance", true],
  ["/latest/api/token", true],
  ["/x/API/TOKEN/", true],
  ["/latest/meta-data/iam/security-credentials-extended/", true],
  ["/latest/meta-data/iamx", false],
  ["/latest/meta-data/", false],
  ["/latest/api/tokens", false],
] as const;

for (const [path, isTree] of trees) {
  test(`credential tree: ${path}: ${isTree}`, () => {
    assert.equal(passthroughRule(".*", true)(path), !isTree);
  });
}

test("passthrough: an expression that doesn't compile by itself is an error", () => {
  for (const text of ["(", "x)|(?:.*", "(?=a)", "(a)\\1"]) {
    assert.throws(() => passthroughRule(text, false), { code: "expression_invalid" });
  }
});
