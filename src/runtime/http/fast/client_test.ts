import { after, test } from "node:test";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { EventEmitter, once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { FastGet, FastResponse } from "../types.ts";
import type { BodySource } from "../../../net/http_messages.ts";
import { ManualClock } from "../../../../tests/fakes/manual_clock.ts";
import { parseResponseHead } from "./parse_response.ts";
import { createFastClient } from "./client.ts";

const servers: Server[] = [];
const sockets: Socket[] = [];
after(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
});

interface Upstream {
  readonly get: FastGet;
  readonly requests: string[];
  connections(): number;
  /** Settles once only so many connections are open. */
  open(count: number): Promise<void>;
}

/** `answer` is called for each request with its number from 0 on. */
async function upstream(
  answer: (socket: Socket, n: number) => void,
  timer?: ManualClock,
): Promise<Upstream> {
  const requests: string[] = [];
  let connections = 0;
  const closes = new EventEmitter();
  let open = 0;
  const server = createServer((socket) => {
    connections++;
    open++;
    sockets.push(socket);
    socket.once("close", () => closes.emit("close", --open));
    socket.on("error", () => {});
    socket.on("data", (data) => {
      requests.push(data.toString("latin1"));
      answer(socket, requests.length - 1);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const get = createFastClient(`http://127.0.0.1:${port}`, timer);
  return {
    get: get ?? assert.fail(),
    requests,
    connections: () => connections,
    async open(count) {
      while (open > count) await once(closes, "close");
    },
  };
}

const never = new AbortController().signal;
/** For answers that come. */
const patienceMs = 30_000;
const ok = (body: string, more = "") =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;

async function textOf(answer: FastResponse | undefined): Promise<string> {
  const body = answer?.body ?? assert.fail("no plain answer");
  if (body instanceof Uint8Array) return Buffer.from(body).toString("latin1");
  return (await collected(body)).toString("latin1");
}

function collected(source: BodySource, pause = false): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  return new Promise((resolve, reject) => {
    source.start({
      chunk(bytes) {
        chunks.push(Uint8Array.from(bytes));
        if (pause) setImmediate(() => source.resume());
        else source.resume();
      },
      end: () => resolve(Buffer.concat(chunks)),
      fail: () => reject(new Error("cut short")),
    });
  });
}

test("fast client: the request as given, the answer as it came, one connection for all", async () => {
  const { get, requests, connections } = await upstream((socket, n) => {
    socket.write(ok(`body ${n}`, "X-a: b\r\nx-A: c\r\nConnection: keep-alive\r\n"));
  });
  for (const n of [0, 1, 2]) {
    const answer = await get("/a/b", { "X-Thing": "ä" }, never, patienceMs);
    assert.deepEqual(answer?.headers.slice(1, 3), [["X-a", "b"], ["x-A", "c"]]);
    assert.equal(await textOf(answer), `body ${n}`);
  }
  assert.match(
    requests[0] ?? "",
    /^GET \/a\/b HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\nX-Thing: ä\r\nConnection: keep-alive\r\n\r\n$/,
  );
  assert.equal(connections(), 1);
});

test("fast client: a body in pieces arrives at the reader's pace, and the connection is kept", async () => {
  const body = "0123456789".repeat(50_000);
  const { get, connections } = await upstream((socket) => {
    const text = ok(body);
    socket.write(text.slice(0, 7));
    setImmediate(() => socket.write(text.slice(7)));
  });
  for (const pause of [true, false]) {
    const answer = await get("/", {}, never, patienceMs);
    const source = answer?.body as BodySource;
    assert.equal((await collected(source, pause)).toString("latin1"), body);
  }
  assert.equal(connections(), 1);
});

const unsupported = [
  ["chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"],
  ["no length", "HTTP/1.1 200 OK\r\n\r\nabc"],
  ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na"],
  ["more than the length", ok("a") + "b"],
  ["HTTP/1.0", ok("a").replace("1.1", "1.0")],
  ["an interim answer", "HTTP/1.1 100 Continue\r\n\r\n" + ok("a")],
  ["no body by its status", "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n"],
  ["a folded line", ok("a", "A: b\r\n c\r\n")],
  ["bare LF", ok("a").replaceAll("\r\n", "\n") + "\r\n\r\n"],
  ["too long a head", ok("a", `A: ${"a".repeat(17_000)}\r\n`)],
] as const;

for (const [name, text] of unsupported) {
  test(`fast client: ${name} falls back to node:http, and isn't tried again`, async () => {
    const { get, requests } = await upstream((socket) => socket.write(text));
    assert.equal(await get("/odd", {}, never, patienceMs), undefined);
    assert.equal(await get("/odd", {}, never, patienceMs), undefined);
    assert.equal(requests.length, 1);
  });
}

test("fast client: a kept connection that the other side closed is replaced", async () => {
  const { get, connections } = await upstream((socket, n) => {
    if (n === 1) socket.destroy();
    else socket.write(ok("fine"));
  });
  await get("/", {}, never, patienceMs);
  assert.equal(await textOf(await get("/", {}, never, patienceMs)), "fine");
  assert.equal(connections(), 2);
});

test("fast client: connections that nothing needs any more are closed, the others kept", async () => {
  const timer = new ManualClock();
  const { get, connections, open } = await upstream((socket) => socket.write(ok("x")), timer);
  const request = async () => void (await textOf(await get("/", {}, never, patienceMs)));
  await Promise.all([request(), request(), request()]);
  assert.equal(connections(), 3);
  for (let rounds = 0; rounds < 2; rounds++) {
    await request();
    await timer.advance(15_000);
  }
  await open(1);
  await request();
  assert.equal(connections(), 3);
  await timer.advance(30_000);
  await open(0);
  assert.equal(timer.pending(), 0);
  await request();
  assert.equal(connections(), 4);
});

test("fast client: a body cut short fails, and so does a connection refused", async () => {
  const { get } = await upstream((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
    setImmediate(() => socket.destroy());
  });
  await assert.rejects(textOf(await get("/", {}, never, patienceMs)), /cut short/);
  const closed = createFastClient("http://127.0.0.1:1") ?? assert.fail();
  await assert.rejects(closed("/", {}, never, patienceMs), { code: "ECONNREFUSED" });
});

test("fast client: silence ends the request, and so does the client's departure", async () => {
  const { get } = await upstream(() => {});
  await assert.rejects(get("/", {}, never, 30), { code: "answer_timeout" });
  const gone = new AbortController();
  const requested = get("/", {}, gone.signal, patienceMs);
  gone.abort(new Error("client gone"));
  await assert.rejects(requested, /client gone/);
});

test("fast client: Connection: close is honoured", async () => {
  const { get, connections } = await upstream((socket) => {
    socket.write(ok("x", "Connection: close\r\n"));
  });
  for (let n = 0; n < 3; n++) {
    assert.equal(await textOf(await get("/", {}, never, patienceMs)), "x");
  }
  assert.equal(connections(), 3);
});

test("fast client: a header that would end its line isn't sent", async () => {
  const { get, requests } = await upstream((socket) => socket.write(ok("x")));
  assert.equal(await get("/", { "X-a": "b\r\nX-b: c" }, never, patienceMs), undefined);
  assert.equal(await get("/a b", {}, never, patienceMs), undefined);
  assert.equal(requests.length, 0);
});

test("parseResponseHead: a partial head", () => {
  assert.equal(parseResponseHead("HTTP/1.1 200 OK\r\nContent-Le"), "partial");
  assert.deepEqual(parseResponseHead("HTTP/1.1 404 \r\nContent-Length: 2\r\n\r\nab"), {
    status: 404,
    headers: [["Content-Length", "2"]],
    length: 2,
    keepAlive: true,
    headBytes: 36,
  });
});
