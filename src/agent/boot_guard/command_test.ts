import { test } from "node:test";
import assert from "node:assert/strict";
import { RecordedLog } from "../../../tests/fakes/recorded_log.ts";
import { readBootGuard } from "./command.ts";

const open = "this node is open from boot until the agent runs";
// what the init container reported, the problem, level and message
const reports = [
  ["ok\n", null, "info", "this node is closed from boot"],
  ["boot guard: EROFS\n", "boot guard: EROFS", "warn", open],
  [null, "boot guard: its report is missing", "warn", open],
] as const;

for (const [report, problem, level, message] of reports) {
  test(`readBootGuard() ${JSON.stringify(report)}: ${level}`, async () => {
    const log = new RecordedLog();
    const readTextFile = () =>
      report === null ? Promise.reject(new Error("ENOENT")) : Promise.resolve(report);
    assert.deepEqual(await readBootGuard({ readTextFile }, "/run/pod/boot-guard", log), {
      problem,
    });
    assert.deepEqual(log.lines.map((line) => [line.level, line.message]), [[level, message]]);
  });
}

test("readBootGuard() reads and logs nothing without the component", async () => {
  const log = new RecordedLog();
  const readTextFile = () => Promise.reject(new Error("unused"));
  assert.equal(await readBootGuard({ readTextFile }, null, log), null);
  assert.deepEqual(log.lines, []);
});
