import { test } from "node:test";
import assert from "node:assert/strict";
import { CalledOff, DeadlineExceeded, withDeadline } from "./deadline.ts";

const forever = () => new Promise<never>(() => {});

test("withDeadline() settles as its call does", async () => {
  assert.equal(await withDeadline(10_000, undefined, () => Promise.resolve(7)), 7);
  const failure = new Error("no");
  await assert.rejects(withDeadline(10_000, undefined, () => Promise.reject(failure)), failure);
});

test("withDeadline() rejects when the time is up, and aborts the call", async () => {
  let aborted = false;
  const call = withDeadline(5, undefined, (signal) => {
    signal.addEventListener("abort", () => aborted = true);
    return forever();
  });
  await assert.rejects(call, DeadlineExceeded);
  assert.equal(aborted, true);
});

test("withDeadline() rejects when called off, before or meanwhile", async () => {
  const controller = new AbortController();
  const call = withDeadline(10_000, controller.signal, forever);
  controller.abort();
  await assert.rejects(call, CalledOff);
  await assert.rejects(withDeadline(10_000, controller.signal, forever), CalledOff);
});
