import { test } from "node:test";
import assert from "node:assert/strict";
import { Trace, withoutRepeats } from "./trace.ts";
import { tracedFrames } from "./traced_frames.ts";

test("withoutRepeats() keeps the first of equal events in a row, and their number", () => {
  let seconds = 0;
  const trace = new Trace(() => seconds++);
  for (const what of ["a", "a", "a", "b", "a"]) trace.add("node-1", what);
  assert.deepEqual(withoutRepeats(trace.lines), [
    "      0.000  node-1    a (3 times)",
    "      3.000  node-1    b",
    "      4.000  node-1    a",
  ]);
});

test("tracedFrames() has a line for each frame but pings, however the bytes are cut", () => {
  const trace = new Trace(() => 0);
  const read = tracedFrames(trace, "agent-1", "server-2");
  const role = { name: "reader", credentials: { accessKeyId: "ASIA1" } };
  const pod = (name: string) => ({ uid: `uid-${name}`, name });
  const frames = [
    { type: "ping", watchAgeSeconds: 0 },
    { type: "assign", pod: pod("a"), role },
    { type: "assign", pod: pod("b"), role: { name: "writer" } },
    { type: "assign", pod: pod("c"), role: null },
    { type: "assign", pod: pod("c"), denied: { reason: "NotPermitted", message: "…" } },
    { type: "synced" },
    { type: "revoke", uid: "uid-b" },
    { type: "from a newer version" },
  ];
  const text = frames.map((frame) => `${JSON.stringify(frame)}\n`).join("");
  for (const byte of new TextEncoder().encode(text)) read(Uint8Array.of(byte));
  assert.deepEqual(trace.lines.map((line) => line.split("agent-1   from server-2: ")[1]), [
    "assign a: reader, ASIA1",
    "assign b: writer, no credentials yet",
    "assign c: no role",
    "assign c: NotPermitted",
    "synced",
    "revoke b",
    "from a newer version",
  ]);
});
