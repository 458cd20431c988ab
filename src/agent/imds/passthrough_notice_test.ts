import { test } from "node:test";
import assert from "node:assert/strict";
import { passthroughNotice } from "./passthrough_notice.ts";

// setting, the expression proposed; undefined: nothing to say
const rows = [
  ["all", undefined],
  ["safe", undefined],
  ["none", undefined],
  [".*", undefined],
  ["/latest/meta-data/.*", undefined],
  ["/latest/meta-data/instance-id", undefined],
  ["/latest/meta-data/tags/instance/team", undefined],
  ["/2021-01-03/dynamic/.*", undefined],
  ["meta-data|user-data", ".*(?:meta-data|user-data).*"],
  ["^$", "/latest/meta-data/placement/.*"],
  ["", "/latest/meta-data/placement/.*"],
  ["/latest/*", ".*/latest/*.*"],
  ["meta-data", ".*meta-data.*"],
  ["^/latest/meta-data/placement", ".*/latest/meta-data/placement.*"],
  ["/latest/meta-data/*", ".*/latest/meta-data/*.*"],
  ["placement/", ".*placement/.*"],
  ["/LATEST/.*", "/latest/meta-data/placement/.*"],
  ["/latest/meta-data/iam/.*", "/latest/meta-data/placement/.*"],
] as const;

for (const [setting, example] of rows) {
  test(`passthrough notice: ${setting}: ${example ?? "none"}`, () => {
    const notice = passthroughNotice(setting, false);
    if (example === undefined) return assert.equal(notice, undefined);
    assert.ok(notice?.startsWith(`--passthrough: ${JSON.stringify(setting)} matches none of `));
    assert.ok(notice?.endsWith(`, as ${JSON.stringify(example)} does`), String(notice));
    assert.equal(passthroughNotice(example, false), undefined);
  });
}

test("passthrough notice: user data alone needs a flag of its own", () => {
  assert.match(passthroughNotice("/latest/user-data", false) ?? "", /--passthrough-user-data/);
  assert.equal(passthroughNotice("/latest/user-data", true), undefined);
});
