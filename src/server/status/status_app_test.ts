import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { podRow, summary } from "../../../tests/fakes/summaries.ts";
import { mergeSummaries } from "./data/merged_summary.ts";
import { createStatusApp } from "./status_app.ts";

const app = createStatusApp({
  clock: new ManualClock(),
  signal: AbortSignal.abort(),
  summary: () => Promise.resolve(mergeSummaries(summary({ pods: [podRow()] }), [])),
  explanation: () => Promise.resolve(null),
  unlisted: () => [],
});

const paths = ["/", "/?pod=web", "/pods/shop/web", "/events?page=/", "/api/summary", "/nowhere"];

for (const path of paths) {
  test(`GET ${path}: nothing for a Host that isn't loopback, so that no other site reads it`, async () => {
    for (const host of ["evil.example", "evil.example:9622", "localhost.evil.example", ""]) {
      const response = await app.request(path, { headers: { host } });
      assert.equal(response.status, 403);
      assert.ok(!(await response.text()).includes("shop"));
    }
  });
}

for (const path of ["/", "/pods/shop/web", "/api/summary"]) {
  test(`GET ${path}: never kept by browser or proxy`, async () => {
    const response = await app.request(path, { headers: { host: "127.0.0.1:9622" } });
    assert.equal(response.headers.get("cache-control"), "no-store");
  });
}

test("createStatusApp() browsers may run nothing but the page's own script and style", async () => {
  for (const path of ["/", "/pods/shop/none", "/events?page=/nowhere", "/api/summary", "/none"]) {
    const { headers } = await app.request(path, { headers: { host: "localhost" } });
    const policy = headers.get("content-security-policy") ?? "";
    assert.match(
      policy,
      /^default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+';/,
    );
    assert.match(policy, /frame-ancestors 'none'/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("cross-origin-resource-policy"), "same-origin");
  }
});
