import { test } from "node:test";
import assert from "node:assert/strict";
import { createLog, type LogFormat } from "./log.ts";

function written(format: LogFormat): { log: ReturnType<typeof createLog>; lines: string[] } {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  return { log: createLog({ level: "info", format, component: "agent", write }), lines };
}

test("createLog() json: one line per event with stable fields", () => {
  const { log, lines } = written("json");
  log.warn({ pod: "shop/cart-0", attempts: 3 }, "credentials failed");
  log.debug({}, "below the level");
  assert.equal(lines.length, 1);
  assert.ok(lines[0]!.endsWith("}\n"));
  const entry = JSON.parse(lines[0]!);
  assert.deepEqual(Object.keys(entry).sort(), [
    "attempts",
    "component",
    "level",
    "msg",
    "pod",
    "time",
  ]);
  assert.equal(entry.level, "warn");
  assert.match(entry.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test("createLog() json: fields can't replace level, component or message", () => {
  const { log, lines } = written("json");
  log.warn({ level: "debug", component: "x", msg: "y", time: 0 }, "denied");
  const { level, component, msg } = JSON.parse(lines[0]!);
  assert.deepEqual([level, component, msg], ["warn", "agent", "denied"]);
});

test("createLog() text: for people, values with spaces quoted", () => {
  const { log, lines } = written("text");
  log.info({ pod: "shop/cart-0", why: "no role" }, "denied");
  assert.match(
    lines[0]!,
    /^\d\d:\d\d:\d\d INFO {2}agent: denied pod=shop\/cart-0 why="no role"\n$/,
  );
});

test("createLog() text: a newline in a value makes no second line", () => {
  const { log, lines } = written("text");
  log.info({ pod: "a\nb" }, "denied");
  assert.equal(lines.join("").split("\n").length, 2);
});

test("createLog() reports how many lines were dropped", () => {
  const lines: string[] = [];
  let full = true;
  const write = (line: string) => full ? false : void lines.push(line);
  const log = createLog({ level: "info", format: "text", component: "agent", write });
  for (let n = 0; n < 3; n++) log.info({ n }, "denied");
  full = false;
  log.info({ n: 3 }, "denied");
  log.info({ n: 4 }, "denied");
  assert.deepEqual(lines.map((line) => line.slice(9)), [
    "INFO  agent: denied n=3\n",
    "WARN  agent: log lines dropped: the reader was too slow lines=3\n",
    "INFO  agent: denied n=4\n",
  ]);
});

for (const format of ["json", "text"] as const) {
  test(`createLog() ${format}: fields that JSON can't represent`, () => {
    const { log, lines } = written(format);
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    log.info({ circle, big: 1n, nothing: undefined, pod: "a b" }, "odd");
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, /odd/);
    assert.match(lines[0]!, /a b/);
  });
}
