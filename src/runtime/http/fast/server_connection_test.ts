import { after, test } from "node:test";
import assert from "node:assert/strict";
import { eventually } from "../../../../tests/fakes/in_time.ts";
import { rawClient, rawExchange } from "../../../../tests/fakes/raw_client.ts";
import type { Handler, Listener } from "../types.ts";
import { listen } from "../listener.ts";

const limits = {
  maxConnections: 100,
  maxConnectionsPerPeer: 50,
  headersTimeoutMs: 60_000,
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 15_000,
  maxHeaderBytes: 16_384,
};
const open: Listener[] = [];
async function start(handler: Handler, over: Partial<typeof limits> = {}): Promise<Listener> {
  const listener = await listen({
    host: "127.0.0.1",
    port: 0,
    handler,
    limits: { ...limits, ...over },
  });
  open.push(listener);
  return listener;
}
after(() => Promise.all(open.map((listener) => listener.close(0))));

const get = (target: string, more = "") => `GET ${target} HTTP/1.1\r\nHost: h\r\n${more}\r\n`;
/** Two headers of one name in a form that the plain reader leaves alone. */
const unsupported = "Connection: keep-alive, x\r\n";
const undated = (answer: string) => answer.replace(/Date: [^\r]+/g, "Date: -");

const bodies = [
  ["bytes", { status: 200, headers: [["Server", "EC2ws"]], body: new Uint8Array([97, 228, 0]) }],
  ["text", { status: 403, headers: [["Content-Type", "text/plain"]], body: "nein: ä\n" }],
  ["nothing", { status: 405, headers: [["Allow", "GET"]], body: null }],
  ["no content", { status: 204, headers: [], body: null }],
  ["much", { status: 200, headers: [], body: new Uint8Array(40_000).fill(98) }],
] as const;

for (const [name, reply] of bodies) {
  for (const method of ["GET", "HEAD"]) {
    test(`fast path: ${method} of ${name} is answered as node:http answers it`, async () => {
      const { port } = await start(() => reply);
      const send = (more: string) =>
        get("/", more).replace("GET", method) + get("/", "Connection: close\r\n");
      const plain = await exchangeInTurn(port, send(""));
      assert.equal(undated(plain), undated(await exchangeInTurn(port, send(unsupported))));
    });
  }
}

/** Each request in a piece of its own, sent when the one before has been answered. */
async function exchangeInTurn(port: number, text: string): Promise<string> {
  const client = await rawClient(port);
  const [first = "", second = ""] = text.split(/(?<=\r\n\r\n)/);
  client.send(first);
  await client.until((received) => received.includes("\r\n\r\n"));
  client.send(second);
  return await client.closed;
}

test("fast path: a connection moves on to node:http and stays whole", async () => {
  const { port } = await start((incoming) => ({ status: 200, headers: [], body: incoming.target }));
  const client = await rawClient(port);
  const pieces = [get("/1"), get("/2", unsupported), get("/3"), get("/4") + get("/5"), "GET /6 HT"];
  for (const [at, piece] of pieces.entries()) {
    client.send(piece);
    if (at < 3) await client.until((received) => received.includes(`/${at + 1}`));
  }
  await client.until((received) => received.includes("/5"));
  client.send("TP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const targets = [...(await client.closed).matchAll(/\r\n\r\n(\/\d)/g)].map((match) => match[1]);
  assert.deepEqual(targets, ["/1", "/2", "/3", "/4", "/5", "/6"]);
});

test("fast path: what is sent ahead of a late answer is answered after it", async () => {
  const waiting: (() => void)[] = [];
  const { port } = await start(async (incoming) => {
    if (incoming.target === "/late") await new Promise<void>((resolve) => waiting.push(resolve));
    return { status: 200, headers: [], body: incoming.target };
  });
  const client = await rawClient(port);
  client.send(get("/late"));
  await eventually("the request", () => waiting.length > 0);
  client.send(get("/next", "Connection: close\r\n"));
  waiting[0]?.();
  const text = await client.closed;
  assert.ok(text.indexOf("/late") > 0 && text.indexOf("/next") > text.indexOf("/late"), text);
});

test("fast path: late answers and streams go on over one connection", async () => {
  const { port } = await start((incoming) =>
    incoming.target === "/stream"
      ? { status: 200, headers: [], body: new Blob(["streamed"]).stream() }
      : Promise.resolve({ status: 200, headers: [], body: incoming.target })
  );
  const client = await rawClient(port);
  for (const target of ["/stream", "/a", "/stream", "/b"]) {
    const before = client.received();
    client.send(get(target));
    const end = target === "/stream" ? "0\r\n\r\n" : target;
    await client.until((received) => received.slice(before.length).endsWith(end));
  }
  client.socket.destroy();
});

test("fast path: a client that sends without reading has to wait, and is cut off", async () => {
  let requested = 0;
  const body = new Uint8Array(16_000);
  const quick = { headersTimeoutMs: 200, requestTimeoutMs: 200 };
  const listener = await start(() => {
    requested++;
    return { status: 200, headers: [], body };
  }, quick);
  const client = await rawClient(listener.port);
  client.socket.pause();
  for (let i = 0; i < 5000; i++) {
    client.send(get("/"));
    if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await eventually("the cut", () => listener.connections().open === 0);
  client.socket.destroy();
  assert.ok(requested < 5000, `${requested} were answered into memory`);
});

test("fast path and node:http: a reply that is the last one closes a kept connection", async () => {
  const { port } = await start(() => ({ status: 503, headers: [], body: "x", last: true }));
  for (const more of ["", unsupported]) {
    const client = await rawClient(port);
    client.send(get("/", more));
    assert.match(await client.closed, /\r\nConnection: close\r\n[^]*\r\nx$/);
  }
});

test("fast path: a fault of the handler ends nothing but its request", async () => {
  const { port } = await start((incoming) => {
    if (incoming.target === "/throw") throw new Error("fault");
    if (incoming.target === "/bad") {
      return { status: 200, headers: [["X", "a\r\nSet-Cookie: b"]], body: "bad" };
    }
    return { status: 200, headers: [], body: "fine" };
  });
  const client = await rawClient(port);
  for (const [at, target] of ["/throw", "/bad", "/fine"].entries()) {
    client.send(get(target));
    await client.until((received) => received.split("HTTP/1.1 ").length === at + 2);
  }
  const statuses = client.received().match(/(?<=HTTP\/1\.1 )\d+/g);
  assert.deepEqual(statuses, ["500", "500", "200"]);
  client.socket.destroy();
});

test("fast path: Connection: close is honoured", async () => {
  const { port } = await start(() => ({ status: 200, headers: [], body: "x" }));
  const answer = await rawExchange(port, get("/", "Connection: close\r\n"));
  assert.match(answer, /\r\nConnection: close\r\n\r\nx$/);
});
