/** The reflector over real connections: what a socket does to a watch that no stream in memory does. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { quietLog } from "../../../tests/fakes/quiet_log.ts";
import { createHttpClient } from "../../runtime/http/client.ts";
import { systemClock as clock } from "../../time/system_clock.ts";
import { createKubernetesApi } from "../client/api.ts";
import { namespaces } from "../objects/objects.ts";
import { Reflector } from "./reflector.ts";

const cleanUps: (() => void)[] = [];
after(() => cleanUps.forEach((cleanUp) => cleanUp()));

/** An API whose lists are empty; `watched` responds to watches. */
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
  cleanUps.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, connections: () => connections };
}

/** Runs a reflector until its sink has received `wanted` names, in order. */
async function received(
  url: string,
  wanted: readonly string[],
  upserted: (name: string) => void = () => {},
): Promise<void> {
  const stop = new AbortController();
  const seen: string[] = [];
  const access = () => Promise.resolve({ tls: {}, headers: {} });
  const connection = { server: url, namespace: null, access };
  const httpClient = createHttpClient;
  const api = createKubernetesApi({ connection, httpClient, clock, userAgent: "rolecall/test" });
  const upsert = ({ name }: { name: string }) => {
    seen.push(name);
    if (seen.length === wanted.length) stop.abort();
    upserted(name);
  };
  const sink = { replace() {}, upsert, remove() {} };
  const options = { api, resource: namespaces, sink, clock, random: () => 0, log: quietLog };
  await new Reflector(options).run(stop.signal);
  api.close();
  assert.deepEqual(seen, wanted);
}

function added(name: string, resourceVersion: string): string {
  return JSON.stringify({ type: "ADDED", object: { metadata: { name, resourceVersion } } }) + "\n";
}

const limited = { timeout: 60_000 };

test("Reflector resumes after a connection reset in the middle of a line", limited, async () => {
  const versions: (string | null)[] = [];
  let reset = () => {};
  const { url } = await serving((response, query) => {
    versions.push(query.get("resourceVersion"));
    if (versions.length > 1) return void response.write(added("b", "3"));
    reset = () => response.socket?.resetAndDestroy();
    response.write(added("a", "2") + added("b", "3").slice(0, 20));
  });
  await received(url, ["a", "b"], (name) => name === "a" && reset());
  assert.deepEqual(versions, ["1", "2"]);
});

test("Reflector reads a watch that arrives byte by byte", limited, async () => {
  const { url } = await serving((response) => {
    const bytes = new TextEncoder().encode(added("ä", "2") + added("𝒷", "3"));
    let at = 0;
    const next = () => {
      if (at < bytes.length) response.write(bytes.subarray(at, ++at), () => setImmediate(next));
    };
    next();
  });
  await received(url, ["ä", "𝒷"]);
});

test("Reflector lists and watches on one connection", limited, async () => {
  const { url, connections } = await serving((response) => {
    response.write(added("a", "2"));
  });
  await received(url, ["a"]);
  assert.equal(connections(), 1);
});
