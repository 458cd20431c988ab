import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { maxWithoutToken } from "../../protocol/frames.ts";
import { instant } from "../../time/instant.ts";
import { TokenlessRequests } from "./tokenless_requests.ts";

test("TokenlessRequests: the latest of each pod, as long as it is assigned", async () => {
  const clock = new ManualClock();
  const start = instant(clock.now());
  const requests = new TokenlessRequests(clock);
  requests.add("a");
  requests.add("gone");
  await clock.advance(60_000);
  requests.add("b");
  requests.add("b");
  const at = instant(clock.now());
  assert.deepEqual(requests.report((uid) => uid !== "gone"), {
    withoutToken: [{ uid: "b", at }, { uid: "a", at: start }],
    withoutTokenSince: start,
  });
  assert.deepEqual(requests.report(() => true).withoutToken.length, 2);
});

test("TokenlessRequests: a report holds a bounded number, and fits in what the server reads", () => {
  const requests = new TokenlessRequests(new ManualClock());
  for (let pod = 0; pod < 1000; pod++) requests.add(crypto.randomUUID());
  const report = requests.report(() => true);
  assert.equal(report.withoutToken.length, maxWithoutToken);
  assert.ok(JSON.stringify(report).length < 12_000);
});
