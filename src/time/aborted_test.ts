import assert from "node:assert/strict";
import { test } from "node:test";
import { aborted } from "./aborted.ts";

test("aborted() settles when the signal aborts, at once where it has", async () => {
  const stop = new AbortController();
  let over = false;
  const waiting = aborted(stop.signal).then(() => over = true);
  await Promise.resolve();
  assert.equal(over, false);
  stop.abort();
  await waiting;
  await aborted(stop.signal);
});
