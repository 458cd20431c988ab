import assert from "node:assert/strict";
import { test } from "node:test";
import { flushPromises, ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { keptLog } from "../../../tests/fakes/quiet_log.ts";
import { startupTaint } from "./startup_taint.ts";

test("startupTaint(): at most one attempt per node in ten minutes", async () => {
  const clock = new ManualClock();
  const nodes: string[] = [];
  const remove = (node: string) => Promise.resolve((nodes.push(node), "absent" as const));
  const ready = startupTaint({ remove, clock, log: keptLog().log });
  for (const node of ["n1", "n1", "n2"]) ready(node);
  await clock.advance(600_001);
  ready("n1");
  assert.deepEqual(nodes, ["n1", "n2", "n1"]);
});

test("startupTaint(): a failure is logged, and retried with the next report", async () => {
  const { log, lines } = keptLog();
  let calls = 0;
  const remove = () => Promise.reject(new Error(`refused ${++calls}`));
  const ready = startupTaint({ remove, clock: new ManualClock(), log });
  ready("n1");
  await flushPromises();
  ready("n1");
  await flushPromises();
  assert.deepEqual(lines.map((line) => line.fields["error"]), [
    "Error: refused 1",
    "Error: refused 2",
  ]);
});
