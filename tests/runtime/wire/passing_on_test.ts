/** What is passed on arrives as the metadata service sent it: over sockets, byte by byte. */
import { test, type TestContext } from "node:test";
import assert from "node:assert/strict";
import { gunzipSync, gzipSync } from "node:zlib";
import { rawClient, rawExchange } from "../../fakes/raw_client.ts";
import { type RawAsk, rawUpstream } from "./raw_upstream.ts";
import { request, serveFront } from "./served_front.ts";

const path = "/latest/meta-data/profile";

interface Way {
  readonly name: string;
  readonly quick: boolean;
}

/** Over the agent's own reader of plain answers, and over node:http, which reads all others. */
const ways: readonly Way[] = [
  { name: "passing on", quick: true },
  { name: "passing on by node:http", quick: false },
];

async function start(
  t: TestContext,
  { quick }: Way,
  answer: (requested: RawAsk) => void,
  upstreamTimeoutMs = patienceMs,
) {
  const upstream = await rawUpstream(answer);
  t.after(() => upstream.close());
  const port = await serveFront(t, { upstreamUrl: upstream.url, upstreamTimeoutMs, quick });
  return { upstream, port, send: (text: string) => rawExchange(port, text) };
}

/** Status line, headers in lower case and sorted, without Date and Connection, and the body. */
function taken(answer: string) {
  const end = answer.indexOf("\r\n\r\n");
  const [status, ...headers] = answer.slice(0, end).split("\r\n");
  const names = /^(date|connection|keep-alive):/i;
  const kept = headers.filter((line) => !names.test(line))
    .map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase()));
  return { status, headers: kept.sort(), body: answer.slice(end + 4) };
}

// name, what the service sends, status line, headers and body that the pod gets
const answers = [
  [
    "a length stays a length",
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nAccept-Ranges: none\r\n\r\ni-1",
    "HTTP/1.1 200 OK",
    ["accept-ranges: none", "content-length: 3", "content-type: text/plain"],
    "i-1",
  ],
  [
    "chunks stay chunks",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ni-1\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK",
    ["transfer-encoding: chunked"],
    "3\r\ni-1\r\n0\r\n\r\n",
  ],
  [
    "an empty body",
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK",
    ["content-length: 0"],
    "",
  ],
  [
    "a redirect isn't followed",
    "HTTP/1.1 301 Moved Permanently\r\nLocation: http://169.254.169.254/latest/meta-data/iam/\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 301 Moved Permanently",
    ["content-length: 0", "location: http://169.254.169.254/latest/meta-data/iam/"],
    "",
  ],
  [
    "a part of it",
    "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-0/3\r\nContent-Length: 1\r\n\r\ni",
    "HTTP/1.1 206 Partial Content",
    ["content-length: 1", "content-range: bytes 0-0/3"],
    "i",
  ],
  [
    "not modified",
    'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n',
    "HTTP/1.1 304 Not Modified",
    ['etag: "1"'],
    "",
  ],
  [
    "its refusals",
    "HTTP/1.1 404 Not Found\r\nServer: EC2ws\r\nContent-Length: 5\r\n\r\n<xml>",
    "HTTP/1.1 404 Not Found",
    ["content-length: 5", "server: EC2ws"],
    "<xml>",
  ],
  [
    "headers that come twice; none that are for one connection",
    "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nConnection: X-Hop\r\nX-Hop: 1\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK",
    ["content-length: 0", "set-cookie: a=1", "set-cookie: b=2"],
    "",
  ],
  [
    "the service's token isn't disclosed",
    "HTTP/1.1 200 OK\r\nX-aws-ec2-metadata-token-ttl-seconds: 21600\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK",
    ["content-length: 0"],
    "",
  ],
] as const;

const patienceMs = 30_000;

// what the metadata service does, how long the agent waits for it, the pod's answer
const faults = [
  ["it closes without a word", (socket: RawAsk["socket"]) => socket.destroy(), patienceMs, 502],
  [
    "it speaks something else",
    (socket: RawAsk["socket"]) => socket.end("SSH-2.0-x\r\n"),
    patienceMs,
    502,
  ],
  [
    "it says both length and chunks",
    (socket: RawAsk["socket"]) =>
      socket.end(
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
      ),
    patienceMs,
    502,
  ],
  ["it stays silent", () => {}, 300, 504],
] as const;

const bodyBytes = 96 * 1024 * 1024;

/** Writes that many bytes at the pace of the other side, and counts what it got rid of. */
function pour(socket: RawAsk["socket"], written: { bytes: number }): void {
  const piece = new Uint8Array(65_536).fill(97);
  const more = () => {
    while (written.bytes < bodyBytes) {
      written.bytes += piece.byteLength;
      if (!socket.write(piece)) return void socket.once("drain", more);
    }
  };
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bodyBytes}\r\n\r\n`);
  more();
}

for (const way of ways) {
  for (const [name, sent, status, headers, body] of answers) {
    test(`${way.name}: ${name}`, async (t) => {
      const { send } = await start(t, way, ({ socket }) => void socket.write(sent));
      assert.deepEqual(taken(await send(request("GET", path))), { status, headers, body });
    });
  }

  test(`${way.name}: a body that ends with its connection arrives whole`, async (t) => {
    const { send } = await start(t, way, ({ socket }) => {
      socket.end("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end");
    });
    const { headers, body } = taken(await send(request("GET", path)));
    assert.deepEqual(headers, ["content-type: text/plain", "transfer-encoding: chunked"]);
    assert.equal(body, "d\r\nuntil the end\r\n0\r\n\r\n");
  });

  test(`${way.name}: gzip stays packed, with its own length`, async (t) => {
    const packed = gzipSync("instance ".repeat(1000));
    const { send, upstream } = await start(t, way, ({ socket }) => {
      socket.write(
        `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${packed.length}\r\n\r\n`,
      );
      socket.write(packed);
    });
    const { headers, body } = taken(await send(request("GET", path, "Accept-Encoding: gzip")));
    assert.deepEqual(headers, ["content-encoding: gzip", `content-length: ${packed.length}`]);
    assert.equal(gunzipSync(Buffer.from(body, "latin1")).toString(), "instance ".repeat(1000));
    assert.match(upstream.requested[0]?.head ?? "", /\r\nAccept-Encoding: gzip\r\n/);
  });

  test(`${way.name}: HEAD has the length of the body that isn't sent`, async (t) => {
    const { send, upstream } = await start(t, way, ({ socket }) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n");
    });
    const { headers, body } = taken(await send(request("HEAD", path)));
    assert.deepEqual([headers, body], [["content-length: 19"], ""]);
    assert.match(upstream.requested[0]?.head ?? "", /^HEAD /);
  });

  test(`${way.name}: Range and conditions reach the service, bodies don't`, async (t) => {
    const { send, upstream } = await start(t, way, ({ socket }) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    const own = ["Range: bytes=0-0", 'If-None-Match: "1"', "Content-Length: 3"];
    await send(request("GET", path, ...own) + "abc");
    const head = upstream.requested[0]?.head ?? "";
    assert.match(head, /\r\nRange: bytes=0-0\r\nIf-None-Match: "1"\r\n/);
    assert.doesNotMatch(head, /content-length|transfer-encoding/i);
  });

  test(`${way.name}: requests one after the other share a connection`, async (t) => {
    const { send, upstream } = await start(t, way, ({ socket }) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ni-1");
    });
    for (let i = 0; i < 10; i++) await send(request("GET", path));
    assert.equal(upstream.requested.length, 10);
    assert.ok(upstream.connections() <= 2, `${upstream.connections()} connections`);
  });

  for (const [name, act, timeoutMs, status] of faults) {
    test(`${way.name}: ${name}: ${status} with a line of text`, async (t) => {
      const { send } = await start(t, way, ({ socket }) => void act(socket), timeoutMs);
      const answer = taken(await send(request("GET", path)));
      assert.match(answer.status ?? "", new RegExp(`^HTTP/1.1 ${status} `));
      assert.match(answer.body, /^the metadata service [^\n]*\n$/);
    });
  }

  test(`${way.name}: nothing listens at the service's address: 502`, async (t) => {
    const upstream = await rawUpstream(() => {});
    const port = await serveFront(t, { upstreamUrl: upstream.url, quick: way.quick });
    upstream.close();
    assert.match(await rawExchange(port, request("GET", path)), /^HTTP\/1\.1 502 /);
  });

  test(`${way.name}: an answer cut short is cut short for the pod too`, async (t) => {
    const { send } = await start(t, way, ({ socket }) => {
      socket.write(
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
        () => socket.destroy(),
      );
    });
    const answer = await send(request("GET", path));
    assert.doesNotMatch(answer, /^HTTP\/1\.1 200 [^]*\r\n0\r\n\r\n$/);
    assert.ok(answer.length < 300);
  });

  test(`${way.name}: the client's departure ends the request before any answer`, async (t) => {
    let ended = () => {};
    const gone = new Promise<void>((resolve) => ended = resolve);
    let arrived = () => {};
    const requested = new Promise<void>((resolve) => arrived = resolve);
    const { port } = await start(t, way, ({ socket }) => {
      socket.once("close", () => ended());
      arrived();
    });
    const client = await rawClient(port);
    client.send(request("GET", path));
    await requested;
    client.socket.destroy();
    await gone;
  });

  test(`${way.name}: a body of 96 MiB keeps the pace of a pod that pauses`, async (t) => {
    const written = { bytes: 0 };
    const { port, send } = await start(t, way, ({ head, socket }) => {
      if (head.startsWith(`GET ${path} `)) pour(socket, written);
      else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    const client = await rawClient(port);
    client.socket.removeAllListeners("data");
    let got = 0;
    const whole = new Promise<void>((resolve) => {
      client.socket.on("data", (data) => {
        got += data.length;
        if (got < 1_000_000) return;
        if (got - data.length < 1_000_000) client.socket.pause();
        if (got > bodyBytes) resolve();
      });
    });
    client.send(request("GET", path));
    // What the kernel's and our own buffers hold; the rest must stay at the service. Whatever is on
    // its way arrives while others are answered.
    let before = -1;
    while (written.bytes !== before || got < 1_000_000) {
      before = written.bytes;
      for (let other = 0; other < 20; other++) await send(request("GET", "/latest/meta-data/mac"));
    }
    assert.ok(written.bytes < bodyBytes / 2, `${written.bytes} bytes taken while the pod paused`);
    client.socket.resume();
    await whole;
    assert.equal(written.bytes, bodyBytes);
    client.socket.destroy();
  });
}
