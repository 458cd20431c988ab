/**
 * A grammar of hostile requests over sockets, before a service that objects to whatever it should
 * not see. Some seconds by default; TEST_FUZZ_SECONDS=600 for longer.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { env } from "node:process";
import fc from "fast-check";
import { hostileTarget } from "../../fakes/hostile_targets.ts";
import { rawClient } from "../../fakes/raw_client.ts";
import { serveFront } from "./served_front.ts";
import { strictUpstream } from "./strict_upstream.ts";

const seconds = Number(env["TEST_FUZZ_SECONDS"] ?? "6");

/** Mostly the first, now and then one of the others. */
const mostly = (usual: string, ...odd: string[]) =>
  fc.oneof(
    { weight: 15, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(usual, ...odd) },
  );
const method = mostly("GET", "HEAD", "PUT", "POST", "get", "CONNECT", "OPTIONS", "TRACE", "G\0T");
const version = mostly("HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.2", "http/1.1", "HTTP/1.1 ", "");
const lineEnd = mostly("\r\n", "\n", "\r", "\r\r\n", "\r\n ");
const space = mostly(" ", "\t", "  ", "\x0b");
const host = mostly(
  "Host: 169.254.169.254",
  "Host: localhost:8181",
  "Host: evil.example",
  "Host: 169.254.169.254/latest/meta-data/iam?",
  "Host: [::1]",
  "Host:",
  "host : 169.254.169.254",
  "X: y",
);
const oddHeader = fc.constantFrom(
  "Content-Length: 0",
  "Content-Length: 5",
  "Content-Length: +5",
  "Content-Length: 5, 5",
  "Content-Length : 5",
  "Content-Length: 99999999999999999999",
  "Transfer-Encoding: chunked",
  "Transfer-Encoding: identity",
  "Transfer-Encoding:\tchunked",
  "Transfer-Encoding: xchunked",
  "Transfer-Encoding : chunked",
  "transfer-encoding: chunked, gzip",
  " Transfer-Encoding: chunked",
  "Connection: close",
  "Connection: keep-alive, X-aws-ec2-metadata-token",
  "Connection: Host",
  "Upgrade: h2c",
  "Expect: 100-continue",
  "Host: 127.0.0.1",
  "X-Forwarded-For: 10.0.0.1",
  "X-aws-ec2-metadata-token: stolen",
  "X-aws-ec2-metadata-token:",
  "X-aws-ec2-metadata-token-ttl-seconds: 60",
  "X-Original-URL: /latest/meta-data/iam/",
  "Range: bytes=0-1",
  "A: b\0c",
  "A: b\rX-aws-ec2-metadata-token: c",
  "A",
  ": b",
  "A\xa0: b",
);
const rest = fc.constantFrom(
  "",
  "",
  "0\r\n\r\n",
  "5\r\nGET /\r\n0\r\n\r\n",
  "5;x=y\r\nabcde\r\n0\r\nHost: x\r\n\r\n",
  "abcde",
  "\r\n",
  "GET /latest/meta-data/iam/security-credentials/reader HTTP/1.1\r\nHost: localhost\r\n\r\n",
);

const request = fc.tuple(
  method,
  space,
  hostileTarget,
  space,
  version,
  fc.tuple(host, fc.array(oddHeader, { maxLength: 3 })),
  fc.array(lineEnd, { minLength: 6, maxLength: 6 }),
  rest,
).map(([verb, before, target, behind, name, [first, more], ends, body]) => {
  const lines = [`${verb}${before}${latin1(target)}${behind}${name}`, first, ...more, ""];
  return lines.map((line, i) => line + (ends[i] ?? "\r\n")).join("") + body;
});
const stream = fc.array(request, { minLength: 1, maxLength: 3 }).map((all) => all.join(""));

/** Bytes of UTF-8, a character each. */
function latin1(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

const answers = /^(?:HTTP\/1\.1 (?:100|200|400|401|403|404|405|408|413|417|431|505) [^]*)?$/;

test("fuzz: whatever bytes arrive, the service sees what is open and canonical", async (t) => {
  const upstream = await strictUpstream();
  t.after(() => upstream.close());
  const port = await serveFront(t, { upstreamUrl: upstream.url });
  let runs = 0;
  const check = async (bytes: string) => {
    runs++;
    const client = await rawClient(port);
    client.send(bytes);
    // Who half-closes at once rarely gets what is passed on; some wait a little.
    const waits = runs % 8 === 0;
    if (!waits) client.socket.end();
    const late = setTimeout(() => client.socket.destroy(), waits ? 100 : 2000);
    const answer = await client.closed;
    clearTimeout(late);
    client.socket.destroy();
    assert.match(answer, answers);
    assert.deepEqual(upstream.objections, []);
  };
  await fc.assert(fc.asyncProperty(stream, check), {
    numRuns: 1_000_000,
    interruptAfterTimeLimit: seconds * 1000,
    markInterruptAsFailure: false,
  });
  t.diagnostic(`${runs} streams, ${upstream.requested.length} requests passed on`);
  assert.ok(upstream.requested.length > 0, "the grammar has to get some requests through");
  const client = await rawClient(port);
  client.send("GET /latest/meta-data/iam/security-credentials/ HTTP/1.0\r\n\r\n");
  assert.match(await client.closed, /\r\n\r\nreader$/);
});
