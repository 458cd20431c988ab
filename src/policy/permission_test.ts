import assert from "node:assert/strict";
import { test } from "node:test";
import { namespaceFacts } from "../../tests/fakes/facts.ts";
import { Permission } from "./permission.ts";
import { parseRoleArn } from "./role_arn.ts";

const reader = "arn:aws:iam::111122223333:role/reader";
const teamReader = "arn:aws:iam::111122223333:role/team/reader";
const foreign = "arn:aws:iam::999988887777:role/reader";
const otherPartition = "arn:aws-cn:iam::111122223333:role/reader";
const base = { partition: "aws", account: "111122223333", path: "/team/" };
const byArn = { base, permittedMatch: "arn", honourAllowedRoles: false } as const;
const byName = { ...byArn, permittedMatch: "name" } as const;
const byList = { ...byArn, honourAllowedRoles: true } as const;

// settings, permitted, allowed-roles, role, reason ("" = permitted)
const cases = [
  [byArn, reader, null, reader, ""],
  [byArn, ".*/reader", null, teamReader, ""],
  [byArn, null, null, reader, "PermittedAbsent"],
  [byArn, "", null, reader, "PermittedEmpty"],
  [byArn, "(", null, reader, "PermittedInvalid"],
  [byArn, "reader", null, reader, "NotPermitted"],
  [byArn, `${reader}-2|arn:`, null, reader, "NotPermitted"],
  [byArn, "a|.*admin", null, reader, "NotPermitted"],
  [byArn, "x)|(?:.*", null, reader, "PermittedInvalid"],
  [byArn, null, '["*"]', reader, "PermittedAbsent"],
  [byName, "reader", null, reader, ""],
  [byName, "reader", null, teamReader, "NotPermitted"],
  [byName, "team/reader", null, teamReader, ""],
  [byName, "/team/reader", null, teamReader, "NotPermitted"],
  [byName, "read", null, reader, "NotPermitted"],
  [byName, "reader", null, foreign, "NotPermitted"],
  [byName, "reader", null, otherPartition, "NotPermitted"],
  [byName, foreign, null, foreign, ""],
  [{ ...byName, base: null }, "reader", null, reader, "NotPermitted"],
  [byList, null, '["reader"]', teamReader, ""],
  [byList, null, '["reader"]', reader, "NotPermitted"],
  [byList, null, `["${reader}"]`, reader, ""],
  [byList, null, "[]", reader, "PermittedEmpty"],
  [byList, null, "", reader, "PermittedEmpty"],
  [byList, null, "reader", reader, "PermittedInvalid"],
  [byList, null, null, reader, "PermittedAbsent"],
  [byList, reader, "reader", reader, ""],
  [byList, "(", `["${reader}"]`, reader, ""],
  [byList, "x", '["x"]', reader, "NotPermitted"],
  [byList, "", '["x"]', reader, "NotPermitted"],
  [byList, "x", "x", reader, "PermittedInvalid"],
] as const;

for (const [settings, permitted, allowedRoles, arn, reason] of cases) {
  const rules = [permitted, allowedRoles].map((text) => JSON.stringify(text)).join(", ");
  test(`permission by ${settings.permittedMatch}, ${rules} for ${arn}: ${reason || "given"}`, () => {
    const parsed = parseRoleArn(arn);
    assert.ok(parsed.kind === "role");
    const namespace = namespaceFacts({ permitted, allowedRoles });
    const refusal = new Permission(settings).refusal(namespace, parsed.role, "the pod's role");
    assert.equal(refusal?.reason ?? "", reason);
  });
}

// settings, permitted, allowed-roles, the namespace's own problem
const problems = [
  [byArn, ".*", null, null],
  [byArn, "", null, null],
  [byArn, null, "broken", null],
  [byArn, "(", null, /^namespace shop: iam.amazonaws.com\/permitted "\(" is not RE2 syntax: .*; /],
  [
    byList,
    ".*",
    "broken",
    /^namespace shop: iam.amazonaws.com\/allowed-roles "broken" is not a JSON/,
  ],
] as const;

for (const [settings, permitted, allowedRoles, expected] of problems) {
  test(`namespace problem of ${permitted}, ${allowedRoles}: ${expected}`, () => {
    const problem = new Permission(settings).problem(namespaceFacts({ permitted, allowedRoles }));
    if (expected === null) assert.equal(problem, null);
    else assert.match(problem?.message ?? "", expected);
  });
}
