/** The reflector over real connections: what a socket does to a watch that no stream in memory does. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createHttpClient } from "../runtime/http/client.ts";
import { createKubernetesApi } from "./client/api.ts";
import { namespaces } from "./objects/objects.ts";
import { Reflector } from "./reflector/reflector.ts";

const clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms: number, run: () => void) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** An API whose every list is empty; `watched` is handed each watch and decides what becomes of it. */
async function serving(watched: (response: ServerResponse, query: URLSearchParams) => void) {
  let connections = 0;
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? "", "http://api");
    if (searchParams.has("watch")) return watched(response, searchParams);
    response.end(JSON.stringify({ metadata: { resourceVersion: "1" }, items: [] }));
  });
  server.on("connection", () => connections++);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { server, url: `http://127.0.0.1:${port}`, connections: () => connections };
}

/** Runs a reflector until its sink has been told of `wanted` names, in order. */
async function told(url: string, wanted: readonly string[]): Promise<void> {
  const stop = new AbortController();
  const seen: string[] = [];
  const api = createKubernetesApi({
    connection: {
      server: url,
      namespace: null,
      access: () => Promise.resolve({ tls: {}, headers: {} }),
    },
    httpClient: (tls) => createHttpClient(tls),
    clock,
    userAgent: "rolecall/test",
  });
  const upsert = ({ name }: { name: string }) => {
    seen.push(name);
    if (seen.length === wanted.length) stop.abort();
  };
  const log = { info() {}, warn() {}, error() {} };
  const sink = { replace() {}, upsert, remove() {} };
  const random = () => 0;
  await new Reflector({ api, resource: namespaces, sink, clock, random, log }).run(stop.signal);
  api.close();
  assert.deepEqual(seen, wanted);
}

function added(name: string, resourceVersion: string): string {
  return JSON.stringify({ type: "ADDED", object: { metadata: { name, resourceVersion } } }) + "\n";
}

test("Reflector goes on after a connection reset in the middle of a line", async () => {
  const asked: (string | null)[] = [];
  const { server, url } = await serving((response, query) => {
    asked.push(query.get("resourceVersion"));
    if (asked.length > 1) return void response.write(added("b", "3"));
    response.write(added("a", "2") + added("b", "3").slice(0, 20));
    setTimeout(() => response.socket?.resetAndDestroy(), 50);
  });
  await told(url, ["a", "b"]);
  assert.deepEqual(asked, ["1", "2"]);
  server.closeAllConnections();
  server.close();
});

test("Reflector reads a watch that comes byte by byte", async () => {
  const { server, url } = await serving((response) => {
    const bytes = new TextEncoder().encode(added("ä", "2") + added("𝒷", "3"));
    let at = 0;
    const next = () => {
      if (at < bytes.length) response.write(bytes.subarray(at, ++at), () => setImmediate(next));
    };
    next();
  });
  await told(url, ["ä", "𝒷"]);
  server.closeAllConnections();
  server.close();
});

test("Reflector lists and watches on one connection", async () => {
  const { server, url, connections } = await serving((response) => {
    response.write(added("a", "2"));
  });
  await told(url, ["a"]);
  assert.equal(connections(), 1);
  server.closeAllConnections();
  server.close();
});
