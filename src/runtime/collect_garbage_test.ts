import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { collectGarbage } from "./collect_garbage.ts";

test("collectGarbage() takes what nothing refers to any more", async () => {
  const unneeded = new WeakRef({ some: "thing" });
  const needed = { other: "thing" };
  const kept = new WeakRef(needed);
  // Until the end of the turn that made it, a WeakRef holds its target.
  await pause(0);
  collectGarbage();
  assert.equal(unneeded.deref(), undefined);
  assert.equal(kept.deref(), needed);
});
