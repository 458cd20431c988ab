import { after, test } from "node:test";
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type Proxy, type ProxyOptions, startProxy } from "../../../tests/fakes/proxy.ts";
import { testCertificate } from "../../../tests/fakes/test_certificate.ts";
import { createHttpClient } from "./client.ts";
import { listen } from "./listener.ts";
import type { HttpClientOptions } from "./types.ts";
import type { Incoming, Reply } from "../../net/http_messages.ts";
import { patientLimits as limits } from "../../../tests/fakes/listen_limits.ts";

const certificate = await testCertificate("api.test");
const handler = (incoming: Incoming): Reply => {
  const { method, target } = incoming;
  return { status: 200, headers: [], body: `${method} ${target} ${incoming.header("host")}` };
};
const at = { host: "127.0.0.1", port: 0, handler, limits };
const secure = await listen({ ...at, tls: certificate });
const plain = await listen(at);
const cleanUps: (() => unknown)[] = [() => secure.close(0), () => plain.close(0)];
after(() => Promise.all(cleanUps.map((cleanUp) => cleanUp())));

function clientThrough(proxy: string | null, options: HttpClientOptions = {}) {
  const client = createHttpClient({ ca: certificate.ca, proxyFor: () => proxy, ...options });
  cleanUps.unshift(() => client.close());
  return client;
}

async function proxy(options: ProxyOptions): Promise<Proxy> {
  const made = await startProxy(options);
  cleanUps.unshift(() => made.close());
  return made;
}

/** The proxy's URL with a user and password. */
function withLogin({ url }: Proxy): string {
  return url.replace("//", "//user:p%40ss@");
}

const login = `Basic ${btoa("user:p@ss")}`;

test("a client tunnels https:// through the proxy, on one connection", async () => {
  const through = await proxy({ port: secure.port });
  const client = clientThrough(withLogin(through));
  for (const method of ["GET", "POST"]) {
    const response = await client.fetch("https://api.test:6443/x", { method });
    assert.equal(await response.text(), `${method} /x api.test:6443`);
  }
  assert.deepEqual(through.seen, [{ request: "CONNECT api.test:6443", authorization: login }]);
});

test("a client sends the proxy whole http:// URLs", async () => {
  const through = await proxy({ port: plain.port });
  const client = clientThrough(withLogin(through));
  const response = await client.fetch("http://api.test:8001/x?y", { method: "PUT" });
  assert.equal(await response.text(), "PUT /x?y api.test:8001");
  const request = "PUT http://api.test:8001/x?y";
  assert.deepEqual(through.seen, [{ request, authorization: login }]);
});

test("a client verifies the server behind the proxy by its name, or by the one given", async () => {
  const through = await proxy({ port: secure.port });
  await assert.rejects(clientThrough(through.url).fetch("https://other.test/"));
  const client = clientThrough(through.url, { serverName: "api.test" });
  const response = await client.fetch("https://other.test/");
  assert.equal(await response.text(), "GET / other.test");
});

test("a proxy's refusal is a fault that names the proxy, not its password", async () => {
  const through = await proxy({ port: secure.port, status: 407 });
  const pending = clientThrough(withLogin(through)).fetch("https://api.test/");
  await assert.rejects(pending, (fault: Error & { code?: string }) => {
    assert.equal(fault.code, "proxy_failed");
    assert.ok(fault.message.includes(`proxy ${new URL(through.url).host}: `), fault.message);
    assert.match(fault.message, /407/);
    assert.doesNotMatch(fault.message, /p@ss|p%40ss/);
    return true;
  });
});

test("a proxy that isn't there or stays silent is a fault", async () => {
  const gone = await startProxy({ port: 1 });
  gone.close();
  const fault = { code: "proxy_failed" };
  await assert.rejects(clientThrough(gone.url).fetch("https://api.test/"), fault);
  const silent = await tcpServer(() => {});
  const impatient = clientThrough(`http://127.0.0.1:${silent}`, { connectTimeoutMs: 50 });
  await assert.rejects(impatient.fetch("https://api.test/"), fault);
});

for (const scheme of ["http", "https"]) {
  test(`a client reaches ${scheme}:// through a SOCKS5 proxy, which resolves the name`, async () => {
    const names: string[] = [];
    const target = scheme === "https" ? secure.port : plain.port;
    const port = await tcpServer((socket) => void socks(socket, target, names));
    const client = clientThrough(`socks5h://127.0.0.1:${port}`);
    const response = await client.fetch(`${scheme}://api.test/x`);
    assert.equal(await response.text(), "GET /x api.test");
    assert.deepEqual(names, ["api.test"]);
  });
}

test("a client checks for each URL whether there is a proxy", async () => {
  const through = await proxy({ port: plain.port });
  const requested: string[] = [];
  const proxyFor = (url: string) => (requested.push(url), null);
  const client = clientThrough(null, { proxyFor });
  const url = `http://127.0.0.1:${plain.port}/`;
  assert.equal((await client.fetch(url)).status, 200);
  assert.deepEqual(requested, [url]);
  assert.deepEqual(through.seen, []);
});

async function tcpServer(accept: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    cleanUps.unshift(() => socket.destroy());
    accept(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanUps.unshift(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** RFC 1928: no authentication, then CONNECT to a name. */
async function socks(client: Socket, port: number, names: string[]): Promise<void> {
  const next = async () => (await once(client, "data"))[0] as Uint8Array;
  await next();
  client.write(Uint8Array.of(5, 0));
  const requested = await next();
  names.push(new TextDecoder().decode(requested.subarray(5, 5 + (requested[4] ?? 0))));
  const onward = connect(port, "127.0.0.1");
  onward.on("error", () => {});
  await once(onward, "connect");
  client.pipe(onward).pipe(client);
  client.write(Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
}
