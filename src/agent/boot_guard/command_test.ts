import { test } from "node:test";
import assert from "node:assert/strict";
import { RecordedLog } from "../../../tests/fakes/recorded_log.ts";
import { logBootGuard } from "./command.ts";

// what the init container reported, level and message
const reports = [
  ["ok\n", "info", "this node is closed from boot"],
  ["boot guard: EROFS", "warn", "this node is open from boot until the agent runs"],
  [null, "warn", "this node is open from boot until the agent runs"],
] as const;

for (const [report, level, message] of reports) {
  test(`logBootGuard() ${JSON.stringify(report)}: ${level}`, async () => {
    const log = new RecordedLog();
    const readTextFile = () =>
      report === null ? Promise.reject(new Error("ENOENT")) : Promise.resolve(report);
    await logBootGuard({ readTextFile }, "/run/pod/boot-guard", log);
    assert.deepEqual(log.lines.map((line) => [line.level, line.message]), [[level, message]]);
  });
}

test("logBootGuard() logs nothing without the component", async () => {
  const log = new RecordedLog();
  await logBootGuard({ readTextFile: () => Promise.reject(new Error("unused")) }, null, log);
  assert.deepEqual(log.lines, []);
});
