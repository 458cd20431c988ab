import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { RecordedLog } from "../../../tests/fakes/recorded_log.ts";
import { InstanceCheck } from "./instance_check.ts";

/** A check of an instance with these statuses in turn, ten minutes apart; 0 is silence. */
async function checked(...statuses: readonly number[]) {
  const clock = new ManualClock();
  const log = new RecordedLog();
  const stop = new AbortController();
  const found: (boolean | null)[] = [];
  const urls = new Set<string>();
  const left = [...statuses];
  const check = new InstanceCheck({
    metadataUrl: "http://imds",
    fetch: (url, { signal }) => {
      urls.add(url);
      const status = left.shift() ?? 0;
      if (status !== 0) return Promise.resolve(new Response("ami-id\n", { status }));
      return new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason))
      );
    },
    clock,
    log,
  });
  const running = check.run(stop.signal);
  for (const _ of statuses) {
    await clock.advance(5000);
    found.push(check.answersWithoutToken());
    await clock.advance(10 * 60_000 - 5000);
  }
  stop.abort();
  await running;
  return { found, urls: [...urls], log, pending: clock.pending() };
}

test("InstanceCheck: 200 without a token is a warning with its remedy, once", async () => {
  const { found, urls, log, pending } = await checked(200, 200);
  assert.deepEqual(found, [true, true]);
  assert.deepEqual(urls, ["http://imds/latest/meta-data/"]);
  const warnings = log.lines.filter(({ level }) => level === "warn");
  assert.equal(warnings.length, 1);
  assert.match(JSON.stringify(warnings[0]!.fields), /--http-tokens required/);
  assert.equal(pending, 0);
});

test("InstanceCheck: 401 is good; other answers and silence aren't reported", async () => {
  const { found, log } = await checked(401, 404, 0, 401);
  assert.deepEqual(found, [false, null, null, false]);
  assert.deepEqual(log.lines.filter(({ level }) => level === "warn"), []);
});
