import { test } from "node:test";
import assert from "node:assert/strict";
import { flag, readHostPort } from "./flags.ts";

// text, seconds
const durations = [
  ["90s", 90],
  ["15m", 900],
  ["1h30m", 5400],
  ["1d", undefined],
  ["90", undefined],
  ["", undefined],
  ["-1s", undefined],
  ["1h ", undefined],
] as const;
for (const [text, seconds] of durations) {
  test(`flag.duration() reads ${JSON.stringify(text)}: ${seconds}`, () => {
    assert.equal(flag.duration("1h", "").read(text), seconds);
  });
}

// text, host, port
const addresses = [
  ["0.0.0.0:8181", "0.0.0.0", 8181],
  ["[::]:8181", "::", 8181],
  [":9620", "", 9620],
  ["localhost:0", "localhost", 0],
] as const;
for (const [text, host, port] of addresses) {
  test(`readHostPort() ${text}`, () => assert.deepEqual(readHostPort(text), { host, port }));
}
for (const text of ["8181", "0.0.0.0", ":::1", "a:99999", "a b:1", "http://a:1", "[::1]"]) {
  test(`readHostPort() refuses ${text}`, () => assert.equal(readHostPort(text), undefined));
}
