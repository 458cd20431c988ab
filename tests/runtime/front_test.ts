/** The metadata front over real sockets, on whichever runtime runs the test. */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { createImdsFront } from "../../src/agent/imds/front.ts";
import { passthroughRule } from "../../src/agent/imds/passthrough_rule.ts";
import { TokenKeyRing } from "../../src/agent/imds/token_keys.ts";
import { createImds } from "../../src/aws/imds.ts";
import type { Listener } from "../../src/runtime/http/types.ts";
import type { Incoming, Reply } from "../../src/net/http_messages.ts";
import { createHttpClient } from "../../src/runtime/http/client.ts";
import { listen } from "../../src/runtime/http/listener.ts";
import { ManualClock } from "../fakes/manual_clock.ts";
import { fakePods, samplePods } from "../fakes/pods.ts";
import { rawClient, rawExchange } from "../fakes/raw_client.ts";
import { patientLimits as limits } from "../fakes/listen_limits.ts";

/** The metadata service's requests: request line and headers, unchanged. */
const requested: { line: string; headers: readonly string[] }[] = [];
const started: Incoming[] = [];
let released: () => void = () => {};
let upstream: Listener;
let front: Listener;

function metadataService(incoming: Incoming): Reply {
  requested.push({ line: `${incoming.method} ${incoming.target}`, headers: incoming.rawHeaders });
  if (incoming.method === "PUT") return { status: 200, headers: [], body: "upstream-token" };
  if (incoming.header("x-aws-ec2-metadata-token") !== "upstream-token") {
    return { status: 401, headers: [], body: "" };
  }
  if (incoming.target.endsWith("/moved")) {
    return { status: 301, headers: [["Location", "http://169.254.169.254/x/"]], body: "" };
  }
  if (incoming.target.endsWith("/endless")) {
    started.push(incoming);
    incoming.signal.addEventListener("abort", () => released());
    const body = new ReadableStream({ start: (c) => c.enqueue(new Uint8Array([97])) });
    return { status: 200, headers: [], body };
  }
  return { status: 200, headers: [["Content-Type", "text/plain"]], body: "i-1" };
}

const client = createHttpClient();
before(async () => {
  const loopback = { host: "127.0.0.1", port: 0, limits };
  upstream = await listen({ ...loopback, handler: metadataService });
  const clock = new ManualClock();
  const { answer: handler } = createImdsFront({
    pods: fakePods({ kind: "pod", pod: samplePods.ready }),
    clock,
    upstream: createImds({ baseUrl: `http://127.0.0.1:${upstream.port}`, http: client, clock }),
    tokenKeys: new TokenKeyRing({ random: (bytes) => new Uint8Array(bytes) }),
    allowedHosts: [],
    passthrough: passthroughRule("all", false),
    tokenRequired: false,
    podRate: 0,
  });
  front = await listen({ ...loopback, handler });
});
after(async () => {
  client.close();
  await Promise.all([front.close(0), upstream.close(0)]);
});

const request = (method: string, target: string, headers: readonly string[] = []) =>
  [`${method} ${target} HTTP/1.1`, "Host: 169.254.169.254", "Connection: close", ...headers, "", ""]
    .join("\r\n");
const send = async (method: string, target: string, headers: readonly string[] = []) =>
  withoutDate(await rawExchange(front.port, request(method, target, headers)));
const withoutDate = (answer: string) => answer.replace(/Date: [^\r]*\r\n/i, "");

const roles = "/latest/meta-data/iam/security-credentials";

test("front on sockets: the role list, byte for byte", async () => {
  assert.equal(
    await send("GET", `${roles}/`),
    "HTTP/1.1 200 OK\r\nServer: EC2ws\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n" +
      "Connection: close\r\n\r\nreader",
  );
});

test("front on sockets: HEAD has the same headers and no body", async () => {
  for (
    const target of [`${roles}/`, `${roles}/reader`, `${roles}/x`, "/latest/meta-data/iam/info"]
  ) {
    const whole = await send("GET", target);
    const head = await send("HEAD", target);
    assert.equal(head, whole.slice(0, whole.indexOf("\r\n\r\n") + 4));
  }
});

test("front on sockets: a token, then credentials with it", async () => {
  const put = await send("PUT", "/latest/api/token", ["X-aws-ec2-metadata-token-ttl-seconds: 60"]);
  const token = put.split("\r\n\r\n")[1];
  const answer = await send("GET", `${roles}//reader`, [`x-aws-ec2-metadata-token: ${token}`]);
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(answer, /\r\nX-Aws-Ec2-Metadata-Token-Ttl-Seconds: 60\r\n/);
  assert.ok(answer.endsWith('\r\n\r\n{"Code":"Success"}'));
});

// target as sent, status, the service's request
const targets = [
  ["/latest/meta-data/instance-id", 200, "GET /latest/meta-data/instance-id"],
  ["/latest//meta-data/./instance-id?q=1", 200, "GET /latest/meta-data/instance-id"],
  ["/latest/meta-data/%69nstance-id", 200, "GET /latest/meta-data/instance-id"],
  ["/latest/meta-data/", 200, "GET /latest/meta-data/"],
  ["/latest/x/../meta-data/moved", 301, "GET /latest/meta-data/moved"],
  ["/latest/./meta-data/iam/security-credentials/r", 403, undefined],
  ["/latest/meta-data/x/..%2fiam/security-credentials/r", 400, undefined],
  ["/latest/meta-data/x/../iam/security-credentials-extended/", 404, undefined],
  ["/LATEST/meta-data/IAM/security-credentials/r", 404, undefined],
  ["/latest/meta-data\\iam/security-credentials/r", 400, undefined],
  ["/latest/meta-data/iam;/security-credentials/r", 400, undefined],
  ["/latest/%6deta-data/%69am/", 404, undefined],
  ["/latest/%256deta-data/", 400, undefined],
  ["http://169.254.169.254/latest/meta-data/instance-id", 400, undefined],
  ["//evil/latest", 200, "GET /evil/latest"],
] as const;

for (const [target, status, line] of targets) {
  test(`front on sockets: ${target}: ${status}`, async () => {
    requested.length = 0;
    const answer = await send("GET", target);
    assert.ok(answer.startsWith(`HTTP/1.1 ${status} `), answer);
    assert.deepEqual(
      requested.filter((one) => !one.line.startsWith("PUT")).map((one) => one.line),
      line === undefined ? [] : [line],
    );
  });
}

test("front on sockets: the service gets the agent's token and the pod's own headers", async () => {
  requested.length = 0;
  await send("GET", "/latest/meta-data/instance-id", ["User-aGent: x", "X-Forwarded-For: 1.2.3.4"]);
  const { headers } = requested.at(-1) ?? assert.fail("nothing asked");
  assert.deepEqual(headers, [
    "Host",
    `127.0.0.1:${upstream.port}`,
    "User-aGent",
    "x",
    "X-aws-ec2-metadata-token",
    "upstream-token",
    "Connection",
    "keep-alive",
  ]);
});

test("front on sockets: a redirect is handed back and not followed", async () => {
  requested.length = 0;
  const answer = await send("GET", "/latest/meta-data/moved");
  assert.match(answer, /\r\nlocation: http:\/\/169\.254\.169\.254\/x\/\r\n/i);
  assert.equal(requested.length, 1);
});

test("front on sockets: the client's departure ends the service's answer", async () => {
  const gone = new Promise<void>((resolve) => released = resolve);
  const leaving = await rawClient(front.port);
  leaving.send(request("GET", "/latest/meta-data/endless"));
  await leaving.until((text) => text.includes("\r\n\r\n"));
  leaving.socket.destroy();
  await gone;
  assert.equal(started.length, 1);
});

test("front on sockets: what no HTTP client sends is refused by the listener or the front", async () => {
  const good = "/latest/meta-data/instance-id";
  const rows = [
    `GET ${good} HTTP/1.1\r\nHost: a\r\nHost: 169.254.169.254\r\n\r\n`,
    `GET ${good} HTTP/1.1\r\n\r\n`,
    `GET ${good}\r\n\r\n`,
    `CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: x\r\n\r\n`,
    `GET ${good}\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    `GET /\xc0\xae\xc0\xae/latest HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    `GET /\u00e9 HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    `GET ${good} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n`,
  ];
  requested.length = 0;
  for (const bytes of rows) {
    const one = await rawClient(front.port);
    one.send(bytes);
    const answer = await one.until((text) => text.includes("\r\n\r\n"));
    one.socket.destroy();
    assert.match(answer, /^HTTP\/1\.1 (400|405|505) /, bytes);
  }
  assert.deepEqual(requested, []);
});
