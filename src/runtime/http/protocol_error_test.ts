import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { rawExchange } from "../../../tests/fakes/raw_client.ts";
import { listen } from "./listener.ts";
import type { Listener } from "./types.ts";
import { patientLimits as limits } from "../../../tests/fakes/listen_limits.ts";

let listener: Listener;
before(async () => {
  const handler = () => assert.fail("reached the handler");
  listener = await listen({ host: "127.0.0.1", port: 0, handler, limits });
});
after(() => listener.close(0));

const host = "Host: h\r\n";
const get = (more: string) => `GET /a HTTP/1.1\r\n${host}${more}\r\n\r\n`;

const method = "the request's method is malformed or unknown";
const path = "the request's path is malformed";
const version = "the request's HTTP version is malformed or unknown";
const header = "a header line of the request is malformed";
const framing =
  "the request's framing is malformed: one Content-Length, or Transfer-Encoding: chunked";
const lineEnd = "a line of the request doesn't end with CR LF";
const notHttp = "this is not a request of HTTP/1.1";

// what is wrong, the bytes, the line that says so
const rows = [
  ["an unknown method", `FOO /a HTTP/1.1\r\n${host}\r\n`, method],
  ["a method in small letters", `get /a HTTP/1.1\r\n${host}\r\n`, method],
  ["a control in the path", `GET /a\0 HTTP/1.1\r\n${host}\r\n`, path],
  ["a space in the path", `GET /a b HTTP/1.1\r\n${host}\r\n`, path],
  ["a path without its slash", `GET a/b HTTP/1.1\r\n${host}\r\n`, path],
  ["HTTP/1.2", `GET /a HTTP/1.2\r\n${host}\r\n`, version],
  ["HTTP/2 with prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", version],
  ["a space before the colon", get("A : b"), header],
  ["a header without a colon", get("A"), header],
  ["a folded header", get("A: b\r\n c\r\nContent-Length: 1"), header],
  ["a bare CR", get("A: b\rC: d"), header],
  ["NUL in a header", get("A: b\0"), header],
  ["two lengths", get("Content-Length: 0\r\nContent-Length: 0"), framing],
  ["a signed length", get("Content-Length: +0"), framing],
  ["an empty length", get("Content-Length:"), framing],
  ["length and chunks", get("Content-Length: 3\r\nTransfer-Encoding: chunked"), framing],
  ["an unknown coding", get("Transfer-Encoding: xchunked"), framing],
  ["an empty coding", get("Transfer-Encoding:"), framing],
  ["chunks in HTTP/1.0", get("Transfer-Encoding: chunked").replace("1.1", "1.0"), framing],
  ["bare LF", "GET /a HTTP/1.1\nHost: h\nContent-Length: 1\n\n", lineEnd],
  ["no Host", "GET /a HTTP/1.1\r\n\r\n", "the Host header is missing"],
  ["TLS", `\x16\x03\x01\0\xa5\x01\0\0\xa1\x03\x03${"a".repeat(160)}`, notHttp],
] as const;

for (const [what, bytes, line] of rows) {
  test(`protocol error: ${what}: ${line}`, async () => {
    const answer = await rawExchange(listener.port, bytes);
    assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
    assert.equal(answer.slice(answer.indexOf("\r\n\r\n") + 4), `${line}\n`);
    assert.doesNotMatch(answer, /^Server:/m);
  });
}

test("protocol error: 405 names the methods allowed", async () => {
  const answer = await rawExchange(listener.port, `TRACE /a HTTP/1.1\r\n${host}\r\n`);
  assert.match(
    answer,
    /^HTTP\/1\.1 405 [^]*\r\nAllow: GET, HEAD\r\n[^]*\nthis method is not allowed\n$/,
  );
});
