import { eventually, inTime } from "../../../tests/fakes/in_time.ts";
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { testCertificate } from "../../../tests/fakes/test_certificate.ts";
import { createHttpClient } from "./client.ts";
import { type RawClient, rawClient, rawExchange } from "../../../tests/fakes/raw_client.ts";
import type { Handler, Listener, ListenLimits } from "./types.ts";
import {
  type ConnectionEnds,
  type Incoming,
  type Reply,
  replyOf,
} from "../../net/http_messages.ts";
import { listen } from "./listener.ts";

const quick: ListenLimits = {
  maxConnections: 100,
  maxConnectionsPerPeer: 50,
  headersTimeoutMs: 600,
  requestTimeoutMs: 1200,
  keepAliveTimeoutMs: 600,
  maxHeaderBytes: 16_384,
};
const patient = {
  ...quick,
  headersTimeoutMs: 60_000,
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 60_000,
};

const seen: { peer: string; local: string; target: string; hosts: readonly string[] }[] = [];
const echo = (incoming: Incoming): Reply => {
  const { peer, local, target } = incoming;
  seen.push({ peer, local, target, hosts: incoming.headerValues("host") });
  return { status: 200, headers: [["Server", "EC2ws"]], body: target };
};

const open: Listener[] = [];
async function start(handler: Handler, limits: ListenLimits = patient): Promise<Listener> {
  const options = { host: "127.0.0.1", port: 0, serverHeader: "EC2ws", handler, limits };
  const listener = await listen(options);
  open.push(listener);
  return listener;
}
after(() => Promise.all(open.map((listener) => listener.close(0))));

const get = (target: string, more = "") => `GET ${target} HTTP/1.1\r\nHost: h\r\n${more}\r\n`;
const closing = (target: string, more = "") => get(target, `Connection: close\r\n${more}`);
const statusOf = (answer: string) => answer.split("\r\n")[0];

test("listener: the target arrives as sent, with a canonical peer", async () => {
  const listener = await start(echo);
  const target = "//a/./b/../%2e%2E/c%2Fd?x=1&y=%zz";
  const answer = await rawExchange(listener.port, closing(target));
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\nServer: EC2ws\r\nContent-Length: 33\r\n/);
  assert.ok(answer.endsWith(`\r\n\r\n${target}`));
  assert.deepEqual(seen.at(-1), { peer: "127.0.0.1", local: "127.0.0.1", target, hosts: ["h"] });
});

test("listener: an accepted connection is announced, and is the same object for its requests", async (t) => {
  const accepted: ConnectionEnds[] = [];
  const requested: ConnectionEnds[] = [];
  const handler: Handler = ({ connection, target }) => {
    requested.push(connection);
    return { status: 200, headers: [], body: target };
  };
  const options = { host: "127.0.0.1", port: 0, handler, limits: patient };
  let local = "";
  const listener = await listen({
    ...options,
    accepted: (one) => {
      accepted.push(one);
      local = one.local;
    },
  });
  t.after(() => listener.close(0));
  const client = await rawClient(listener.port);
  client.send(get("/fast"));
  await client.until((text) => text.endsWith("/fast"));
  client.send(closing("/slow", "Content-Length: 1\r\n") + "x");
  await client.closed;
  const [{ peer, peerPort, localPort }] = accepted as [ConnectionEnds];
  const ends = { peer: "127.0.0.1", local: "127.0.0.1", localPort: listener.port };
  assert.deepEqual({ peer, local, localPort }, ends);
  assert.ok(peerPort > 0);
  assert.deepEqual(requested.map((one) => one === accepted[0]), [true, true]);
});

// name, bytes sent, status line expected
const refused = [
  ["garbage", "\x16\x03\x01\x02\r\n\r\n", "HTTP/1.1 400 Bad Request"],
  ["HTTP/0.9", "GET /x\r\n\r\n", "HTTP/1.1 505 HTTP Version Not Supported"],
  ["HTTP/1.2", "GET /x HTTP/1.2\r\nHost: h\r\n\r\n", "HTTP/1.1 400 Bad Request"],
  ["HTTP/2.0", "GET /x HTTP/2.0\r\nHost: h\r\n\r\n", "HTTP/1.1 505 HTTP Version Not Supported"],
  ["h2c", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 400 Bad Request"],
  ["no Host", "GET /x HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request"],
  ["CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", "HTTP/1.1 405 Method Not Allowed"],
  ["TRACE", "TRACE /x HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 405 Method Not Allowed"],
  ["huge header", get("/x", `A: ${"a".repeat(20_000)}\r\n`), "HTTP/1.1 431 Request Header Fields"],
  ["huge target", get(`/${"a".repeat(20_000)}`), "HTTP/1.1 431 Request Header Fields"],
  [
    "obs-fold and a body",
    get("/x", "A: b\r\n c\r\nContent-Length: 1\r\n"),
    "HTTP/1.1 400 Bad Request",
  ],
  ["space before colon", get("/x", "A : b\r\n"), "HTTP/1.1 400 Bad Request"],
  ["NUL in a header", get("/x", "A: b\0c\r\n"), "HTTP/1.1 400 Bad Request"],
  [
    "length and chunked",
    get("/x", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n",
    "HTTP/1.1 400 Bad Request",
  ],
  [
    "two lengths",
    get("/x", "Content-Length: 4\r\nContent-Length: 5\r\n") + "abcde",
    "HTTP/1.1 400 Bad Request",
  ],
  ["signed length", get("/x", "Content-Length: +3\r\n") + "abc", "HTTP/1.1 400 Bad Request"],
  [
    "odd transfer coding",
    get("/x", "Transfer-Encoding: chunked, identity\r\n") + "0\r\n\r\n",
    "HTTP/1.1 400 Bad Request",
  ],
  [
    "unknown transfer coding",
    get("/x", "Transfer-Encoding: xchunked\r\n") + "0\r\n\r\n",
    "HTTP/1.1 400 Bad Request",
  ],
  [
    "bare LF and a body",
    "GET /x HTTP/1.1\nHost: h\nContent-Length: 1\n\n",
    "HTTP/1.1 400 Bad Request",
  ],
] as const;

/** EC2's name, a length and a line of text. */
const wholeRefusal = /\r\nServer: EC2ws\r\n[^]*\r\nContent-Length: \d+\r\n[^]*\r\n\r\n[^\n]+\n$/;

for (const [name, bytes, status] of refused) {
  test(`listener: ${name} gets ${status.slice(9)} and the connection ends`, async () => {
    const listener = await start(() => assert.fail("reached the handler"));
    const answer = await rawExchange(listener.port, bytes);
    assert.ok(statusOf(answer)?.startsWith(status), answer);
    assert.match(answer, wholeRefusal);
  });
}

test("listener: 405 names the methods allowed", async () => {
  const listener = await start(() => assert.fail("reached the handler"));
  const answer = await rawExchange(listener.port, "TRACE /x HTTP/1.1\r\nHost: h\r\n\r\n");
  assert.match(answer, /\r\nAllow: GET, HEAD\r\n/);
});

test("listener: HTTP/1.0 is answered and the connection ends", async () => {
  const listener = await start(echo);
  const answer = await rawExchange(listener.port, "GET /x HTTP/1.0\r\n\r\n");
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
  assert.ok(answer.endsWith("\r\n\r\n/x"));
});

test("listener: both of two Hosts are seen", async () => {
  const listener = await start(echo);
  await rawExchange(listener.port, closing("/x", "HOST: other\r\n"));
  assert.deepEqual(seen.at(-1)?.hosts, ["h", "other"]);
});

test("listener: no header is cut off, however many come", async () => {
  const listener = await start((incoming) => {
    return { status: 200, headers: [], body: incoming.header("last") ?? "none" };
  });
  const many = "a:\r\n".repeat(3500) + "Last: here\r\n";
  const answer = await rawExchange(listener.port, closing("/x", many));
  assert.ok(answer.endsWith("here"), answer);
});

test("listener: pipelined requests are answered in their order", async () => {
  const listener = await start(async (incoming) => {
    if (incoming.target === "/1") await new Promise((resolve) => setImmediate(resolve));
    return echo(incoming);
  });
  const answer = await rawExchange(listener.port, get("/1") + get("/2") + closing("/3"));
  assert.deepEqual(answer.match(/\/\d(?=HTTP|$)/g), ["/1", "/2", "/3"]);
});

test("listener: HEAD has the length and no body", async () => {
  const listener = await start(echo);
  const answer = await rawExchange(listener.port, closing("/four").replace("GET", "HEAD"));
  assert.match(answer, /\r\nContent-Length: 5\r\n/);
  assert.ok(answer.endsWith("\r\n\r\n"));
});

test("listener: a handler that throws or rejects gives a bare 500", async () => {
  for (const handler of [() => assert.fail("fault"), () => Promise.reject(new Error("secret"))]) {
    const listener = await start(handler);
    const answer = await rawExchange(listener.port, closing("/x"));
    assert.match(answer, /^HTTP\/1\.1 500 /);
    assert.ok(!answer.includes("secret"));
  }
});

test("listener: an answer that can't be written becomes a 500", async () => {
  const listener = await start(() => ({ status: 200, headers: [["A", "b\r\nc"]], body: "x" }));
  assert.match(await rawExchange(listener.port, closing("/x")), /^HTTP\/1\.1 500 /);
});

/** Sends `bytes` one by one for as long as the connection lasts. */
function drip(client: RawClient, bytes: string): void {
  const timer = setInterval(() => client.send(bytes), 20);
  client.socket.once("close", () => clearInterval(timer));
}

test("listener: silent, dripping, slow and idle connections are closed", async () => {
  const listener = await start(echo, quick);
  const clients = await Promise.all([1, 2, 3, 4, 5, 6].map(() => rawClient(listener.port)));
  const [silent, partial, dripping, body, idle, unread] = clients;
  partial?.send("GET / HTTP/1.1\r\nHost:");
  dripping?.send("GET / HTTP/1.1\r\nHost: h\r\n");
  drip(dripping as RawClient, "A: b\r\n");
  body?.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
  drip(body as RawClient, "x");
  idle?.send(get("/idle"));
  unread?.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n");
  const answers = await Promise.all(clients.map((client) => client.closed));
  assert.deepEqual(
    answers.slice(0, 3).map(statusOf),
    Array(3).fill("HTTP/1.1 408 Request Timeout"),
  );
  assert.equal(statusOf(answers[4] ?? ""), "HTTP/1.1 200 OK");
  for (const client of clients) client.socket.destroy();
  assert.ok(silent);
});

test("listener: a body that doesn't end in time ends the connection", async () => {
  const listener = await start(async (incoming) => {
    const length = (await new Response(incoming.body()).arrayBuffer()).byteLength;
    return { status: 200, headers: [], body: String(length) };
  }, quick);
  const client = await rawClient(listener.port);
  client.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
  drip(client, "x");
  assert.doesNotMatch(await client.closed, /^HTTP\/1.1 200/);
  client.socket.destroy();
});

test("listener: a client that doesn't read its answer is cut off, and the source cancelled", async () => {
  let cancelled: () => void = () => {};
  const gone = new Promise<void>((resolve) => cancelled = resolve);
  const chunk = new Uint8Array(1 << 20);
  const listener = await start(() => {
    const endless = {
      pull: (c: ReadableStreamDefaultController) => c.enqueue(chunk),
      cancel: cancelled,
    };
    return { status: 200, headers: [], body: new ReadableStream(endless, { highWaterMark: 0 }) };
  }, quick);
  const client = await rawClient(listener.port);
  client.socket.pause();
  client.send(get("/endless"));
  await gone;
  client.socket.destroy();
});

test("listener: connections over a limit are closed at once and counted", async () => {
  const limits = { ...patient, maxConnections: 5, maxConnectionsPerPeer: 3 };
  const listener = await start(echo, limits);
  const connectFrom = (peer: string) => rawClient(listener.port, peer);
  const first = await Promise.all([1, 2, 3].map(() => connectFrom("127.0.0.2")));
  for (const client of first) {
    client.send(get("/ok"));
    await client.until((text) => text.endsWith("/ok"));
  }
  assert.equal(await (await connectFrom("127.0.0.2")).closed, "");
  const others = await Promise.all(["127.0.0.3", "127.0.0.4"].map(connectFrom));
  assert.equal(await (await connectFrom("127.0.0.5")).closed, "");
  assert.deepEqual(listener.connections(), { open: 5, refused: 2 });
  for (const client of [...first, ...others]) client.socket.destroy();
});

test("listener: Expect: 100-continue is followed by the answer", async () => {
  const listener = await start(async (incoming) => {
    const body = await new Response(incoming.body()).text();
    return { status: 200, headers: [], body };
  });
  const client = await rawClient(listener.port);
  client.send("PUT /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  await client.until((text) => text.startsWith("HTTP/1.1 100 Continue\r\n\r\n"));
  client.send("abc");
  await client.until((text) => text.endsWith("\r\n\r\nabc"));
  client.socket.destroy();
});

test("listener: streams arrive whole, chunked if no length is known", async () => {
  const parts = ["one", "two", "three"].map((text) => new TextEncoder().encode(text));
  const listener = await start(() => {
    const body = new ReadableStream({
      pull: (c) => parts.length > 0 ? c.enqueue(parts.shift()) : c.close(),
    });
    return { status: 200, headers: [["X-A", "b"]], body };
  });
  const answer = await rawExchange(listener.port, closing("/x"));
  assert.match(answer, /\r\nX-A: b\r\n/);
  assert.match(answer, /\r\nTransfer-Encoding: chunked\r\n/i);
  assert.ok(answer.endsWith("3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n"), answer);
});

test("listener: a stream that fails midway cuts the connection short", async () => {
  const listener = await start(() => {
    let sent = false;
    const body = new ReadableStream({
      pull(c) {
        if (sent) return c.error(new Error("upstream gone"));
        sent = true;
        c.enqueue(new Uint8Array(3));
      },
    });
    return { status: 200, headers: [["Content-Length", "10"]], body };
  });
  const answer = await rawExchange(listener.port, get("/x"));
  assert.ok((answer.split("\r\n\r\n")[1] ?? "").length < 10, answer);
});

test("listener: the signal aborts when the client goes, and the stream is cancelled", async () => {
  const events: string[] = [];
  let both: () => void = () => {};
  const done = new Promise<void>((resolve) => both = resolve);
  const note = (event: string) => events.push(event) === 2 && both();
  const listener = await start((incoming) => {
    incoming.signal.addEventListener("abort", () => note("aborted"));
    const body = new ReadableStream({ cancel: () => void note("cancelled") });
    return { status: 200, headers: [], body };
  });
  const client = await rawClient(listener.port);
  client.send(get("/x"));
  await client.until((text) => text.includes("\r\n\r\n"));
  client.socket.destroy();
  await done;
  assert.deepEqual(events.sort(), ["aborted", "cancelled"]);
});

test("listener: the signal doesn't abort after a whole answer", async () => {
  let signal: AbortSignal | undefined;
  const listener = await start((incoming) => {
    signal = incoming.signal;
    return echo(incoming);
  });
  await rawExchange(listener.port, closing("/x"));
  assert.equal(signal?.aborted, false);
});

test("incoming: toRequest() carries method, headers and body", async () => {
  const listener = await start(async (incoming) => {
    const request = incoming.toRequest("http://canonical/y");
    const text = await request.text();
    return {
      status: 200,
      headers: [],
      body: `${request.method} ${request.url} ${request.headers.get("x-a")} ${text}`,
    };
  });
  const bytes =
    "PUT /x HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nX-A: 2\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc";
  const answer = await rawExchange(listener.port, bytes);
  assert.ok(answer.endsWith("PUT http://canonical/y 1, 2 abc"), answer);
});

test("listener: close() ends idle connections and lets requests under way finish", async () => {
  let finish: () => void = () => {};
  const held = new Promise<void>((resolve) => finish = resolve);
  const listener = await start(async (incoming) => {
    if (incoming.target === "/held") await held;
    return echo(incoming);
  });
  const [idle, fresh, busy] = await Promise.all([1, 2, 3].map(() => rawClient(listener.port)));
  idle?.send(get("/idle"));
  await idle?.until((text) => text.endsWith("/idle"));
  const before = seen.length;
  busy?.send(get("/first"));
  await busy?.until((text) => text.endsWith("/first"));
  busy?.send(get("/held"));
  idle?.send(get("/again"));
  await idle?.until((text) => text.endsWith("/again"));
  assert.ok(seen.length > before);
  const closed = listener.close(10_000);
  await Promise.all([idle?.closed, fresh?.closed]);
  finish();
  const answer = await busy?.closed;
  await closed;
  assert.match(answer ?? "", /\r\n\r\n\/held$/);
  assert.match(answer ?? "", /\r\nConnection: close\r\n/i);
});

test("listener: a request that was on its way when close() began is answered", async () => {
  const listener = await start(echo);
  const [fresh, kept] = await Promise.all([rawClient(listener.port), rawClient(listener.port)]);
  kept?.send(get("/first"));
  await kept?.until((text) => text.endsWith("/first"));
  const closed = listener.close(10_000);
  fresh?.send(get("/late"));
  kept?.send(get("/later"));
  const [late, later] = await Promise.all([fresh?.closed, kept?.closed]);
  await closed;
  assert.match(late ?? "", /Connection: close\r\n[^]*\/late$/i);
  assert.match(later ?? "", /Connection: close\r\n[^]*\/later$/i);
});

test("listener: close(0) cuts what is under way", async () => {
  const listener = await start(() => new Promise(() => {}));
  const client = await rawClient(listener.port);
  client.send(get("/x"));
  const other = await rawClient(listener.port);
  other.socket.destroy();
  await listener.close(0);
  assert.equal(await client.closed, "");
});

test("listener: two with reusePort share a port", async () => {
  const options = { host: "127.0.0.1", handler: echo, limits: patient, reusePort: true };
  const first = await listen({ ...options, port: 0 });
  const second = await listen({ ...options, port: first.port });
  assert.equal(first.port, second.port);
  await Promise.all([first.close(0), second.close(0)]);
});

test("listener: a port in use is an error with a code", async () => {
  const listener = await start(echo);
  const again = { host: "127.0.0.1", port: listener.port, handler: echo, limits: patient };
  await assert.rejects(listen(again), { code: "EADDRINUSE" });
});

test("listener: close() lets TLS requests under way finish and ends idle connections", async () => {
  const tls = await testCertificate("localhost");
  const late = Promise.withResolvers<Reply>();
  const begun = Promise.withResolvers<void>();
  const handler: Handler = ({ target }) => {
    if (target === "/now") return { status: 200, headers: [], body: "now" };
    begun.resolve();
    return late.promise;
  };
  const listener = await listen({ host: "127.0.0.1", port: 0, handler, limits: patient, tls });
  const client = createHttpClient({ ca: tls.ca });
  const url = `https://localhost:${listener.port}`;
  const at = { address: "127.0.0.1" };
  await (await client.fetch(`${url}/now`, at)).text();
  const answer = client.fetch(`${url}/late`, at);
  await begun.promise;
  const closed = listener.close(30_000);
  late.resolve({ status: 200, headers: [], body: "late" });
  assert.equal(await (await answer).text(), "late");
  await closed;
  client.close();
});

for (const secure of [false, true]) {
  const name = secure ? "TLS" : "plain";
  test(`listener: a source that fails cuts a ${name} client that reads nothing`, async () => {
    const tls = secure ? await testCertificate("localhost") : undefined;
    const failing = Promise.withResolvers<ReadableStreamDefaultController<Uint8Array>>();
    const full = Promise.withResolvers<void>();
    let taken = 0;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => failing.resolve(controller),
      // The last pull before the client's and the kernel's buffers are full has no successor.
      pull: (controller) => {
        controller.enqueue(new Uint8Array(1 << 20));
        if (++taken === 4) full.resolve();
      },
    }, { highWaterMark: 0 });
    const listener = await listen({
      host: "127.0.0.1",
      port: 0,
      handler: () => replyOf(new Response(body)),
      limits: patient,
      ...tls && { tls },
    });
    const request = get("/");
    const { port } = listener;
    const socket = tls
      ? connectTls({ port, host: "127.0.0.1", ca: tls.ca, servername: "localhost" })
      : connect({ port, host: "127.0.0.1" });
    socket.on("error", () => {});
    socket.once(secure ? "secureConnect" : "connect", () => {
      socket.pause();
      socket.write(request);
    });
    await inTime("a full socket", full.promise);
    (await inTime("the reading of the source", failing.promise)).error(new Error("given up"));
    await eventually("the connection's end", () => listener.connections().open === 0);
    socket.destroy();
    await listener.close(0);
  });
}
