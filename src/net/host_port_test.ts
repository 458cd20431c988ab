import { test } from "node:test";
import assert from "node:assert/strict";
import { hostPortText, readHostPort } from "./host_port.ts";

// text, host, port
const addresses = [
  ["0.0.0.0:8181", "0.0.0.0", 8181],
  ["[::]:8181", "::", 8181],
  [":9620", "", 9620],
  ["localhost:0", "localhost", 0],
] as const;

for (const [text, host, port] of addresses) {
  test(`readHostPort() ${text}`, () => {
    assert.deepEqual(readHostPort(text), { host, port });
    assert.equal(hostPortText({ host, port }), text);
  });
}

for (const text of ["8181", "0.0.0.0", ":::1", "a:99999", "a b:1", "http://a:1", "[::1]"]) {
  test(`readHostPort() refuses ${text}`, () => assert.equal(readHostPort(text), undefined));
}
