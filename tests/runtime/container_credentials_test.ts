/** Container credentials over real sockets, from the agent's wiring to the bytes a client gets. */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { type Agent, createAgent } from "../../src/agent/agent.ts";
import { passthroughRule } from "../../src/agent/imds/passthrough_rule.ts";
import { TokenKeyRing } from "../../src/agent/imds/token_keys.ts";
import type { Listener } from "../../src/runtime/http/types.ts";
import { listen } from "../../src/runtime/http/listener.ts";
import { agentSettings } from "../fakes/agent_settings.ts";
import { FakeAgentServer } from "../fakes/agent_server.ts";
import { deniedFrame, podFrame, roleFrame } from "../fakes/frames.ts";
import { claimsOf, jwt } from "../fakes/jwt.ts";
import { flushPromises, ManualClock } from "../fakes/manual_clock.ts";
import { RecordedLog } from "../fakes/recorded_log.ts";
import { rawExchange } from "../fakes/raw_client.ts";
import { patientLimits as limits } from "../fakes/listen_limits.ts";

const clock = new ManualClock();
const log = new RecordedLog();
const server = new FakeAgentServer();
const stop = new AbortController();
const expiresAt = clock.now() + 3_600_000;
let agent: Agent;
let running: Promise<void>;
let endpoint: Listener;

/** A token whose pod the server knows by what stands in `pod`. */
const tokenOf = (pod: string) => jwt({ exp: expiresAt / 1000, pod });

/** As the server answers: the pods of this node by their own tokens. */
function podToken(body: string | undefined): Response {
  const { token } = JSON.parse(body ?? "{}");
  const { pod } = claimsOf<{ pod: string }>(token);
  if (pod === "unchecked") return new Response("no TokenReview\n", { status: 503 });
  return pod === "elsewhere" ? new Response("no\n", { status: 401 }) : Response.json({ uid: pod });
}

before(async () => {
  server.answer = (path, body) =>
    path === "/v1/pod-tokens" ? podToken(body) : new Response(null, { status: 204 });
  agent = createAgent({
    settings: {
      ...agentSettings,
      passthrough: passthroughRule("none", false),
      containerCredentials: [{ host: "127.0.0.1", port: 0 }],
    },
    about: { version: "1.2.3", runtime: "test" },
    clock,
    log,
    random: () => 0,
    access: () => Promise.resolve({ client: server, token: { text: "agents", expiresAt: null } }),
    resolve: () => Promise.resolve(["10.0.1.1"]),
    upstream: () => Promise.reject(new Error("not asked")),
    tokenKeys: new TokenKeyRing({ random: (bytes) => new Uint8Array(bytes) }),
    redirect: null,
    bootGuard: null,
    kernel: null,
    runtime: null,
  });
  running = agent.run(stop.signal);
  await clock.advance(1);
  server.streams[0]?.send(
    roleFrame("web", { expiresAt }, { ips: ["10.0.0.7"] }),
    roleFrame("host-net", { expiresAt, key: "ASIAHOST" }, { hostNetwork: true }),
    deniedFrame("denied"),
    podFrame("plain"),
    { type: "synced" },
    { type: "ping", watchAgeSeconds: 1 },
  );
  await flushPromises();
  endpoint = await listen({ host: "127.0.0.1", port: 0, handler: agent.credentialsFront, limits });
});

after(async () => {
  stop.abort();
  await running;
  await endpoint.close(0);
});

const request = (method: string, headers: readonly string[]) =>
  [`${method} /v1/credentials HTTP/1.1`, "Host: 127.0.0.1", "Connection: close", ...headers, "", ""]
    .join("\r\n");

async function send(token?: string, method = "GET"): Promise<string> {
  const headers = token === undefined ? [] : [`Authorization: ${token}`];
  const answer = await rawExchange(endpoint.port, request(method, headers));
  return answer.replace(/Date: [^\r]*\r\n/i, "");
}

const bodyOf = (answer: string) => JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4));

test("container credentials on sockets: the token's pod gets its role, byte for byte", async () => {
  const expected = '{"AccessKeyId":"web/identity","SecretAccessKey":"secret","Token":"token",' +
    `"Expiration":"${new Date(expiresAt).toISOString().slice(0, 19)}Z","AccountId":"111122223333"}`;
  assert.equal(
    await send(tokenOf("web")),
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" +
      `Content-Length: ${expected.length}\r\nConnection: close\r\n\r\n${expected}`,
  );
});

test("container credentials on sockets: HEAD has the same headers and no body", async () => {
  const whole = await send(tokenOf("web"));
  assert.equal(await send(tokenOf("web"), "HEAD"), whole.slice(0, whole.indexOf("\r\n\r\n") + 4));
});

test("container credentials on sockets: a pod on the node's network gets its own", async () => {
  assert.equal(bodyOf(await send(tokenOf("host-net"))).AccessKeyId, "ASIAHOST");
});

// token, status and code
const refusals = [
  [undefined, 400, "TokenMissing"],
  ["garbage", 401, "TokenRefused"],
  [tokenOf("elsewhere"), 401, "TokenRefused"],
  [tokenOf("denied"), 403, "NotPermitted"],
  [tokenOf("plain"), 404, "NoRole"],
  [tokenOf("unchecked"), 503, "TokenUnchecked"],
] as const;

for (const [token, status, code] of refusals) {
  test(`container credentials on sockets: ${status} ${code}`, async () => {
    const answer = await send(token);
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.match(answer, /\r\nContent-Type: application\/json\r\n/);
    assert.equal(bodyOf(answer).code, code);
  });
}

test("container credentials on sockets: a GET's body is ignored, two Hosts are refused", async () => {
  const authorization = `Authorization: ${tokenOf("web")}`;
  const withBody = request("GET", [authorization, "Content-Length: 3"]) + "abc";
  assert.match(await rawExchange(endpoint.port, withBody), /^HTTP\/1\.1 200 /);
  const twoHosts = request("GET", ["Host: 127.0.0.1", authorization]);
  assert.match(await rawExchange(endpoint.port, twoHosts), /^HTTP\/1\.1 40[03] /);
});

test("container credentials on sockets: a token stops working with its pod", async () => {
  server.streams[0]?.send(roleFrame("leaves", { expiresAt }));
  await flushPromises();
  assert.match(await send(tokenOf("leaves")), /^HTTP\/1\.1 200 /);
  server.streams[0]?.send({ type: "revoke", uid: "leaves" });
  server.answer = () => new Response("not a pod of this node\n", { status: 401 });
  await flushPromises();
  assert.match(await send(tokenOf("leaves")), /^HTTP\/1\.1 401 /);
});

test("container credentials on sockets: counted, and no token in any log or metric", async () => {
  const metrics = await (await agent.metrics()).metrics();
  const counted = 'requests_total{handler="container_credentials",code="200"}';
  assert.match(metrics, new RegExp(counted.replace(/[{}]/g, "\\$&")));
  assert.match(metrics, /rolecall_agent_pod_token_checks_total\{outcome="verified"\} [1-9]/);
  for (const pod of ["web", "elsewhere", "unchecked"]) {
    assert.ok(!(log.text() + metrics).includes(tokenOf(pod).split(".")[1]!));
  }
});
