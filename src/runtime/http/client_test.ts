import { after, test } from "node:test";
import assert from "node:assert/strict";
import { inTime } from "../../../tests/fakes/in_time.ts";
import { createServer, type Server, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { flushPromises } from "../../../tests/fakes/manual_clock.ts";
import { testCertificate } from "../../../tests/fakes/test_certificate.ts";
import type { Handler, HttpClientOptions, Listener } from "./types.ts";
import { createHttpClient } from "./client.ts";
import { listen } from "./listener.ts";
import { patientLimits as limits } from "../../../tests/fakes/listen_limits.ts";

const cleanUps: (() => unknown)[] = [];
after(() => Promise.all(cleanUps.map((cleanUp) => cleanUp())));

function client(options?: HttpClientOptions) {
  const made = createHttpClient(options);
  cleanUps.push(() => made.close());
  return made;
}

interface RawServer {
  readonly url: string;
  readonly port: number;
  readonly connections: Socket[];
}

/** Answers each chunk that arrives with what `answer` says; the requests are kept in `got`. */
async function rawServer(answer: (socket: Socket, text: string) => void): Promise<RawServer> {
  const connections: Socket[] = [];
  const server: Server = createServer((socket) => {
    connections.push(socket);
    socket.on("error", () => {});
    socket.on("data", (data) => answer(socket, data.toString("latin1")));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanUps.push(() => {
    for (const socket of connections) socket.destroy();
    server.close();
  });
  const address = server.address();
  const port = typeof address === "object" ? address?.port ?? 0 : 0;
  return { url: `http://127.0.0.1:${port}`, port, connections };
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

async function sent(init: Parameters<ReturnType<typeof createHttpClient>["fetch"]>[1]) {
  let got = "";
  const server = await rawServer((socket, text) => {
    got += text;
    if (got.includes("\r\n\r\n")) socket.write(ok);
  });
  const response = await client().fetch(`${server.url}/p?q=1`, init);
  assert.equal(await response.text(), "ok");
  return got.replaceAll(String(server.port), "PORT");
}

test("client: a GET has nothing added but Host and Connection", async () => {
  assert.equal(
    await sent({ headers: { "X-aWs-Thing": "a" } }),
    "GET /p?q=1 HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nX-aWs-Thing: a\r\nConnection: keep-alive\r\n\r\n",
  );
});

test("client: a PUT without a body has length 0 and isn't chunked", async () => {
  assert.equal(
    await sent({ method: "PUT" }),
    "PUT /p?q=1 HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nContent-Length: 0\r\n" +
      "Connection: keep-alive\r\n\r\n",
  );
});

test("client: a text body has its length in bytes", async () => {
  const got = await sent({ method: "POST", body: "é" });
  assert.match(got, /\r\nContent-Length: 2\r\n/);
  assert.ok(got.endsWith("\r\n\r\n\xc3\xa9"));
});

test("client: a stream is sent chunked", async () => {
  const listener = await echoListener();
  const body = new Response("streamed").body;
  const response = await client().fetch(urlOf(listener), { method: "PUT", body });
  assert.equal(await response.text(), "streamed");
});

async function start(handler: Handler, tls?: { cert: string; key: string }): Promise<Listener> {
  const base = { host: "127.0.0.1", port: 0, handler, limits };
  const listener = await listen(tls === undefined ? base : { ...base, tls });
  cleanUps.push(() => listener.close(0));
  return listener;
}
const urlOf = (listener: Listener) => `http://127.0.0.1:${listener.port}/`;
const echoListener = () =>
  start((incoming) => ({ status: 200, headers: [], body: incoming.body() }));

test("client: encodings and redirects are left alone", async () => {
  const packed = gzipSync("packed");
  const listener = await start(() => ({
    status: 302,
    headers: [["Location", "http://elsewhere/"], ["Content-Encoding", "gzip"]],
    body: packed,
  }));
  const response = await client().fetch(urlOf(listener));
  assert.equal(response.status, 302);
  assert.equal(response.headers.get("location"), "http://elsewhere/");
  assert.deepEqual(new Uint8Array(await response.arrayBuffer()), new Uint8Array(packed));
});

test("client: requests one after the other share a connection", async () => {
  const server = await rawServer((socket) => socket.write(ok));
  const { fetch } = client();
  for (let i = 0; i < 5; i++) await (await fetch(server.url)).text();
  assert.equal(server.connections.length, 1);
});

test("client: a GET is sent again when its pooled connection has died", async () => {
  const requests = new Map<Socket, number>();
  const server = await rawServer((socket) => {
    const count = (requests.get(socket) ?? 0) + 1;
    requests.set(socket, count);
    if (count === 1) socket.write(ok);
    else socket.resetAndDestroy();
  });
  const { fetch } = client();
  await (await fetch(server.url)).text();
  await flushPromises();
  assert.equal(await (await fetch(server.url)).text(), "ok");
  assert.equal(server.connections.length, 2);
});

test("client: a reset in the middle reaches the body", async () => {
  const server = await rawServer((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    setImmediate(() => socket.destroy());
  });
  const response = await client().fetch(server.url);
  await assert.rejects(response.text());
});

test("client: an abort reaches the waiting request and the body", async () => {
  const silent = await rawServer(() => {});
  const early = new AbortController();
  const waiting = client().fetch(silent.url, { signal: early.signal });
  early.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);

  const endless = await rawServer((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  });
  const late = new AbortController();
  const response = await client().fetch(endless.url, { signal: late.signal });
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  assert.equal((await reader.read()).value?.byteLength, 3);
  late.abort(new Error("enough"));
  await assert.rejects(reader.read());
});

/** Answers `/first` in full; then, on the same connection, as the test wants. */
async function usedConnection(answer: (socket: Socket) => void) {
  const server = await rawServer((socket, text) => {
    if (text.startsWith("GET /first ")) socket.write(ok);
    else answer(socket);
  });
  const pooled = client();
  await (await pooled.fetch(`${server.url}/first`)).text();
  return { server, fetch: pooled.fetch };
}

const partly = (socket: Socket) => {
  socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
};

test("client: an abort is reported on a reused connection", async () => {
  let requested = () => {};
  const arrived = new Promise<void>((resolve) => requested = resolve);
  const { server, fetch } = await usedConnection(() => requested());
  const early = new AbortController();
  const waiting = fetch(server.url, { signal: early.signal });
  const rejected = assert.rejects(waiting, /enough/);
  await inTime("the request", arrived);
  early.abort(new Error("enough"));
  await rejected;
  assert.equal(server.connections.length, 1);
});

test("client: an abort in the middle of a body is reported, and so is a reset", async () => {
  const first = await usedConnection(partly);
  const late = new AbortController();
  const response = await first.fetch(first.server.url, { signal: late.signal });
  late.abort(new Error("enough"));
  await assert.rejects(response.text());

  const second = await usedConnection((socket) => {
    partly(socket);
    setImmediate(() => socket.destroy());
  });
  await assert.rejects((await second.fetch(second.server.url)).text());
});

test("client: a cancelled body closes a connection that was used before", async () => {
  let closed = () => {};
  const gone = new Promise<void>((resolve) => closed = resolve);
  const { server, fetch } = await usedConnection((socket) => {
    socket.once("close", () => closed());
    partly(socket);
  });
  await (await fetch(server.url)).body?.cancel();
  await inTime("the close", gone);
});

test("client: cancelling the body closes the connection", async () => {
  let closed: () => void = () => {};
  const gone = new Promise<void>((resolve) => closed = resolve);
  const server = await rawServer((socket) => {
    socket.once("close", closed);
    socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  });
  const response = await client().fetch(server.url);
  await response.body?.cancel();
  await inTime("the close", gone);
});

test("client: a status outside 200 to 599 is an error with a code", async () => {
  const server = await rawServer((socket) => {
    socket.write("HTTP/1.1 700 What\r\nContent-Length: 0\r\n\r\n");
  });
  await assert.rejects(client().fetch(server.url), { code: "answer_malformed" });
});

test("client: answers without a body are complete", async () => {
  for (const status of [204, 304]) {
    const server = await rawServer((socket) => socket.write(`HTTP/1.1 ${status} X\r\n\r\n`));
    const response = await client().fetch(server.url);
    assert.equal(response.status, status);
    assert.equal(response.body, null);
  }
});

test("client: a refused connection is an error with the system's code", async () => {
  const listener = await echoListener();
  const url = urlOf(listener);
  await listener.close(0);
  await assert.rejects(client().fetch(url), { code: "ECONNREFUSED" });
});

test("client: a TLS handshake that takes too long is a connect timeout", async () => {
  const silent = await rawServer(() => {});
  const impatient = client({ connectTimeoutMs: 50 });
  await assert.rejects(impatient.fetch(`https://127.0.0.1:${silent.port}/`), {
    code: "connect_timeout",
  });
});

test("client: `address` keeps Host and the TLS name; only the given authority is trusted", async () => {
  const { ca, cert, key } = await testCertificate("server.test");
  const listener = await start(
    (incoming) => ({ status: 200, headers: [], body: incoming.header("host") ?? "" }),
    { cert, key },
  );
  const url = `https://server.test:${listener.port}/`;
  const address = "127.0.0.1";
  const trusting = client({ ca });
  for (let i = 0; i < 2; i++) {
    const response = await trusting.fetch(url, { address });
    assert.equal(await response.text(), `server.test:${listener.port}`);
  }
  const wrongName = `https://other.test:${listener.port}/`;
  await assert.rejects(trusting.fetch(wrongName, { address }));
  const { ca: another } = await testCertificate("server.test");
  await assert.rejects(client({ ca: another }).fetch(url, { address }));
  await assert.rejects(client().fetch(url, { address }));
});

test("listener: another certificate is served to new connections", async () => {
  const first = await testCertificate("server.test");
  const second = await testCertificate("server.test");
  const listener = await start(() => ({ status: 200, headers: [], body: "ok" }), first);
  const url = `https://server.test:${listener.port}/`;
  const old = client({ ca: first.ca });
  const send = async (of: ReturnType<typeof client>) =>
    await (await of.fetch(url, { address: "127.0.0.1" })).text();
  assert.equal(await send(old), "ok");
  listener.setCertificate(second);
  assert.equal(await send(client({ ca: second.ca })), "ok");
  assert.equal(await send(old), "ok");
  await assert.rejects(send(client({ ca: first.ca })));
});

test("listener: garbage, silence and disconnects during a TLS handshake don't affect others", async () => {
  const certificate = await testCertificate("server.test");
  const listener = await start(() => ({ status: 200, headers: [], body: "ok" }), certificate);
  const plain = client();
  await assert.rejects(plain.fetch(urlOf(listener)));
  const trusting = client({ ca: certificate.ca });
  const url = `https://server.test:${listener.port}/`;
  assert.equal((await trusting.fetch(url, { address: "127.0.0.1" })).status, 200);
});
