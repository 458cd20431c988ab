import assert from "node:assert/strict";
import { test } from "node:test";
import { keptLog } from "../../tests/fakes/quiet_log.ts";
import { parseServerConfig } from "./config.ts";
import { isCaller, policySettings } from "./policy_settings.ts";

const caller = "arn:aws-cn:sts::111122223333:assumed-role/server/i-0123456789abcdef0";
const hop = "arn:aws-cn:iam::111122223333:role/hop";

function settingsOf(args: readonly string[], callers: readonly string[]) {
  const parsed = parseServerConfig(args, {});
  assert.ok(parsed.kind === "parsed");
  return policySettings(parsed.settings, callers);
}

test("policySettings(): names without ARN are in the caller's account and partition", () => {
  assert.equal(settingsOf([], []).roleBaseArn, null);
  assert.equal(settingsOf([], [caller]).roleBaseArn, "arn:aws-cn:iam::111122223333:role/");
  const base = "arn:aws:iam::999988887777:role/team/";
  assert.equal(settingsOf([`--role-base-arn=${base}`], [caller]).roleBaseArn, base);
});

test("policySettings(): whatever the server runs as is reserved, and chains last an hour", () => {
  const chained = settingsOf([`--assume-role-arn=${hop}`], [caller]);
  assert.deepEqual(chained.reservedRoleArns, [caller, hop]);
  assert.equal(chained.maxSessionDurationSeconds, 3600);
  assert.equal(settingsOf([], [caller]).maxSessionDurationSeconds, 43_200);
});

test("isCaller(): an identity of unknown form is left out, and the log says so", () => {
  const { log, lines } = keptLog();
  assert.deepEqual([caller, "arn:aws:elsewhere"].map((arn) => isCaller(arn, log)), [true, false]);
  assert.match(JSON.stringify(lines), /elsewhere/);
});
