import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { ListWatchHealth } from "./list_watch_health.ts";

test("ageSeconds() grows from the last update, wherever the machine's clock is set", async () => {
  const clock = new ManualClock();
  const health = new ListWatchHealth(clock);
  assert.equal(health.ageSeconds(), Infinity);
  health.updated(clock.monotonic());
  await clock.advance(20_000);
  clock.setWall(clock.now() - 5 * 3_600_000);
  assert.equal(health.ageSeconds(), 20);
});
