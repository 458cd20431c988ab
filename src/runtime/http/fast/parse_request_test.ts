import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { rawExchange } from "../../../../tests/fakes/raw_client.ts";
import { parseFastRequest } from "./parse_request.ts";

const get = (...lines: string[]) =>
  `GET /a HTTP/1.1\r\n${lines.map((l) => `${l}\r\n`).join("")}\r\n`;

test("parseFastRequest: method, target, headers as sent, and whether the connection stays open", () => {
  const text = "PUT //b/%2e?x=1&y HTTP/1.1\r\nhOST: h:80\r\nX-Empty:\r\nContent-Length: 0\r\n\r\n";
  assert.deepEqual(parseFastRequest(text), {
    method: "PUT",
    target: "//b/%2e?x=1&y",
    rawHeaders: ["hOST", "h:80", "X-Empty", "", "Content-Length", "0"],
    keepAlive: true,
  });
  assert.equal(parseFastRequest(get("Host: h", "Connection: Close"))?.keepAlive, false);
  assert.equal(parseFastRequest(get("Host: h", "Connection: Keep-Alive"))?.keepAlive, true);
  const upgrade = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMA"];
  assert.equal(parseFastRequest(get("Host: h", ...upgrade))?.keepAlive, true);
});

const left = [
  ["no Host", get()],
  ["two Hosts", get("Host: h", "Host: h")],
  ["a second request", get("Host: h") + get("Host: h")],
  ["bytes behind it", get("Host: h") + "x"],
  ["half a request", get("Host: h").slice(0, -2)],
  ["another method", get("Host: h").replace("GET", "POST")],
  ["lower case", get("Host: h").replace("GET", "get")],
  ["HTTP/1.0", get("Host: h").replace("1.1", "1.0")],
  ["two blanks", get("Host: h").replace("GET ", "GET  ")],
  ["absolute form", get("Host: h").replace("/a", "http://h/a")],
  ["a fragment", get("Host: h").replace("/a", "/a#b")],
  ["bare LF", get("Host: h").replaceAll("\r\n", "\n")],
  ["bare CR", get("Host: h", "A: b\rc")],
  ["a folded line", get("Host: h", "A: b", " c")],
  ["a blank before the colon", get("Host: h", "A : b")],
  ["a blank behind the value", get("Host: h", "A: b ")],
  ["a tab", get("Host: h", "A:\tb")],
  ["a control", get("Host: h", "A: \x01")],
  ["a byte beyond ASCII", get("Host: h", "A: \xe4")],
  ["a body", get("Host: h", "Content-Length: 1")],
  ["a length with GET", get("Host: h", "Content-Length: 0")],
  ["two lengths", get("Host: h", "Content-Length: 0", "Content-Length: 0").replace("GET", "PUT")],
  ["chunks", get("Host: h", "Transfer-Encoding: chunked")],
  ["Expect", get("Host: h", "Expect: 100-continue")],
  ["two Connections", get("Host: h", "Connection: close", "Connection: close")],
  ["a list in Connection", get("Host: h", "Connection: close, x")],
  ["an empty Connection", get("Host: h", "Connection:")],
  ["Proxy-Connection", get("Host: h", "Proxy-Connection: close")],
] as const;

for (const [name, text] of left) {
  test(`parseFastRequest: ${name} is left to the full parser`, () => {
    assert.equal(parseFastRequest(text), undefined);
  });
}

let server: Server;
before(async () => {
  server = createServer((message, response) => {
    const { method, url, rawHeaders } = message;
    response.end(JSON.stringify([method, url, rawHeaders, response.shouldKeepAlive]));
    response.once("finish", () => message.socket.end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
after(() => void server.close());

const word = fc.string({
  unit: fc.constantFrom(..."aZ9-_.~%/?&=+@:,aZ9-_.~%/?&=+@:,bY8cX7dW6;#\\<\"'() \t\x7f\xe4"),
  maxLength: 6,
});
const name = fc.constantFrom(
  "Host",
  "Accept",
  "content-length",
  "Connection",
  "Upgrade",
  "X-a",
  "TE",
  "a b",
  "",
);
const value = fc.oneof(
  word,
  fc.constantFrom("0", "close", "keep-alive", "chunked", "127.0.0.1:80", "Upgrade, keep-alive"),
);
const line = fc.tuple(name, fc.constantFrom(":", ": ", ": ", ": ", ":\t", " :"), value).map((
  parts,
) => parts.join(""));
const request = fc.record({
  method: fc.constantFrom("GET", "GET", "PUT", "HEAD", "POST", "Get"),
  target: fc.oneof(word.map((text) => `/${text}`), word),
  version: fc.constantFrom("HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0"),
  lines: fc.array(line, { maxLength: 4 }),
  end: fc.constantFrom("\r\n", "\r\n", "\r\n", "\n", "\r\n\r\n"),
}).map(({ method, target, version, lines, end }) =>
  [`${method} ${target} ${version}`, "Host: h", ...lines].join("\r\n") + `\r\n${end}`
);

test("parseFastRequest: what it accepts, node:http reads the same", async () => {
  const { port } = server.address() as AddressInfo;
  let taken = 0;
  const property = fc.asyncProperty(request, async (text) => {
    const plain = parseFastRequest(text);
    if (plain === undefined) return;
    taken++;
    const answer = await rawExchange(port, text);
    if (plain.method === "HEAD") return assert.match(answer, /^HTTP\/1\.1 200 /);
    const body = JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4));
    assert.deepEqual(body, [plain.method, plain.target, plain.rawHeaders, plain.keepAlive], text);
  });
  await fc.assert(property, { numRuns: 3000 });
  assert.ok(taken > 20, `only ${taken} were taken`);
});
