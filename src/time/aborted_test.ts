import assert from "node:assert/strict";
import { test } from "node:test";
import { aborted } from "./aborted.ts";

test("aborted() settles when the signal aborts, immediately if it already has", async () => {
  const stop = new AbortController();
  let settled = false;
  const waiting = aborted(stop.signal).then(() => settled = true);
  await Promise.resolve();
  assert.equal(settled, false);
  stop.abort();
  await waiting;
  await aborted(stop.signal);
});
