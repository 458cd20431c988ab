import { test } from "node:test";
import assert from "node:assert/strict";
import { FakeAgentServer } from "../../../tests/fakes/agent_server.ts";
import { podFrame } from "../../../tests/fakes/frames.ts";
import { flushPromises, ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { RecordedLog } from "../../../tests/fakes/recorded_log.ts";
import type { Frame } from "../../protocol/frames.ts";
import { Assignments } from "../assignments/assignments.ts";
import { ServerFault } from "./server_fault.ts";
import type { ServerToken } from "./server_token.ts";
import { ServerClient } from "./server_client.ts";

const fresh: Frame = { type: "ping", watchAgeSeconds: 1 };
const stalled: Frame = { type: "ping", watchAgeSeconds: 60 };
const synced: Frame = { type: "synced" };

function setUp(addresses: readonly string[] = ["10.0.1.1"]) {
  const clock = new ManualClock();
  const log = new RecordedLog();
  const server = new FakeAgentServer();
  const state: { token: ServerToken; problem: string | null; random: number } = {
    token: { text: "first-token", expiresAt: null },
    problem: null,
    random: 0.5,
  };
  const assignments = new Assignments({ clock, graceMs: 25_000 });
  const link = new ServerClient({
    clock,
    log,
    random: () => state.random,
    server: "https://rolecall-server:8443",
    access: () =>
      state.problem === null
        ? Promise.resolve({ client: server, token: state.token })
        : Promise.reject(new ServerFault("not_ready", state.problem)),
    resolve: () => Promise.resolve(addresses),
  });
  const stop = new AbortController();
  // Once the test has said how the server behaves.
  const running = Promise.resolve().then(() => link.run(assignments, stop.signal));
  const end = async () => {
    stop.abort();
    await running;
    await flushPromises();
  };
  return { clock, log, server, state, assignments, link, end };
}

test("the first connection is immediate; after a lost stream within 3 s, or at once if a request waits", async () => {
  const { clock, server, link, end } = setUp();
  await flushPromises();
  assert.equal(server.streams.length, 1);
  server.streams[0]?.send(synced);
  await flushPromises();
  server.streams[0]?.end();
  await clock.advance(1499);
  assert.equal(server.streams.length, 1);
  await clock.advance(1);
  assert.equal(server.streams.length, 2);
  server.streams[1]?.send(synced);
  await flushPromises();
  server.streams[1]?.end();
  await clock.advance(500);
  link.hurry();
  await flushPromises();
  assert.equal(server.streams.length, 3);
  await end();
});

test("a request that arrives during a failing attempt doesn't wait for the backoff", async () => {
  const { clock, server, link, end } = setUp();
  server.behaviour.set("10.0.1.1", "hangs");
  await flushPromises();
  link.hurry();
  await clock.advance(2000 + 74);
  assert.equal(server.requested.length, 1);
  server.behaviour.delete("10.0.1.1");
  await clock.advance(1);
  assert.equal(server.streams.length, 1);
  await end();
});

test("while a request waits, a server that isn't there yet is tried every 100 ms", async () => {
  const { clock, server, link, end } = setUp();
  server.behaviour.set("10.0.1.1", "unreachable");
  await flushPromises();
  await clock.advance(10_000);
  link.hurry();
  await flushPromises();
  const before = server.requested.length;
  for (let tries = 1; tries <= 9; tries++) {
    await clock.advance(100);
    assert.equal(server.requested.length, before + tries);
  }
  await clock.advance(1000);
  assert.ok(server.requested.length <= before + 11, String(server.requested.length - before));
  await end();
});

test("a request that has been served doesn't hurry the connection after the next", async () => {
  const { clock, server, link, end } = setUp();
  server.behaviour.set("10.0.1.1", "hangs");
  await flushPromises();
  link.hurry();
  server.behaviour.delete("10.0.1.1");
  await clock.advance(2200);
  server.streams[0]?.send(synced);
  await flushPromises();
  link.hurry();
  server.streams[0]?.end();
  await clock.advance(600);
  assert.equal(server.streams.length, 1);
  await end();
});

test("frames reach the assignments, however the bytes fall", async () => {
  const { clock, server, assignments, link, end } = setUp();
  await flushPromises();
  const text = [podFrame("a", { ips: ["10.0.0.7"] }), fresh, synced]
    .map((frame) => JSON.stringify(frame) + "\n").join("");
  for (const char of text) server.streams[0]?.sendText(char);
  await flushPromises();
  assert.equal(assignments.lookUpAddress("10.0.0.7").kind, "pod");
  assert.deepEqual(link.status(), {
    connected: true,
    address: "10.0.1.1",
    lastFrameAt: clock.now(),
    problem: null,
  });
  await end();
  assert.equal(server.streams[0]?.cancelled, true);
  assert.equal(clock.pending(), 0);
});

test("an address that hangs costs 2 s, then the next one is tried", async () => {
  const { clock, server, state, end } = setUp(["10.0.1.1", "10.0.1.2"]);
  state.random = 0.999;
  server.behaviour.set("10.0.1.1", "hangs");
  await clock.advance(1999);
  assert.deepEqual(server.requested, ["10.0.1.1 GET /v1/assignments"]);
  await clock.advance(2000);
  assert.equal(server.streams[0]?.address, "10.0.1.2");
  await end();
});

test("refusals are named, the backoff grows to 30 s", async () => {
  const { clock, server, log, link, end } = setUp();
  server.behaviour.set("10.0.1.1", "refuses");
  await flushPromises();
  const problem = "https://rolecall-server:8443 at 10.0.1.1 answered 401: the token is not ours";
  assert.equal(link.status().problem, problem);
  await clock.advance(60_000);
  const before = server.requested.length;
  await clock.advance(22_500 * 4);
  assert.equal(server.requested.length - before, 4);
  assert.equal(log.count("not connected to the server"), 1);
  assert.ok(!log.text().includes("first-token"));
  await end();
});

test("a missing file is waited for and named", async () => {
  const { clock, server, state, link, end } = setUp();
  state.problem = "--server-ca /ca.crt: there is no such file yet; waiting for it";
  await clock.advance(5000);
  assert.equal(link.status().problem, state.problem);
  state.problem = null;
  await clock.advance(5000);
  assert.equal(server.streams.length, 1);
  await end();
});

test("after 12 s of silence the stream is reopened; assignments stay", async () => {
  const { clock, server, assignments, log, end } = setUp();
  await flushPromises();
  server.streams[0]?.send(podFrame("a", { ips: ["10.0.0.7"] }), fresh, synced);
  await clock.advance(11_999);
  assert.equal(server.streams[0]?.cancelled, false);
  await clock.advance(1);
  assert.equal(server.streams[0]?.cancelled, true);
  assert.equal(log.count("server connection lost"), 1);
  assert.equal(assignments.lookUpAddress("10.0.0.7").kind, "pod");
  await clock.advance(1500);
  assert.equal(server.streams.length, 2);
  await end();
});

test("a ping counts from when it was sent, not read", async () => {
  const { clock, server, assignments, end } = setUp();
  await flushPromises();
  server.streams[0]?.send(podFrame("a", { ips: ["10.0.0.7"] }), synced);
  await clock.advance(11_000);
  // Sent 11 s ago at the earliest, of a watch that was 1 s old: 12 s, of which 5 s count nothing.
  server.streams[0]?.send({ type: "ping", watchAgeSeconds: 1, sentAfterSeconds: 0 });
  await clock.advance(18_000);
  assert.equal(assignments.lookUpAddress("10.0.0.7").kind, "pod");
  await clock.advance(1);
  assert.equal(assignments.lookUpAddress("10.0.0.7").kind, "stale");
  await end();
});

test("a ping more than 12 s late confirms nothing: the stream is reopened", async () => {
  const { clock, server, log, end } = setUp();
  await flushPromises();
  await clock.advance(10_000);
  server.streams[0]?.send(synced);
  await clock.advance(10_000);
  server.streams[0]?.send({ type: "ping", watchAgeSeconds: 1, sentAfterSeconds: 7.9 });
  await flushPromises();
  assert.equal(server.streams[0]?.cancelled, true);
  assert.match(log.text(), /arrive too late/);
  await end();
});

test("a malformed frame ends the stream, and nothing of it is logged", async () => {
  const { server, log, end } = setUp();
  await flushPromises();
  server.streams[0]?.sendText('{"type":"assign","pod":"SECRET"}\n');
  await flushPromises();
  assert.equal(server.streams[0]?.cancelled, true);
  assert.match(log.text(), /malformed/);
  assert.ok(!log.text().includes("SECRET"));
  await end();
});

test("before its token ends, a stream with the fresh token takes over without a gap", async () => {
  const { clock, server, state, assignments, end } = setUp();
  state.token = { text: "first-token", expiresAt: clock.now() + 600_000 };
  await flushPromises();
  server.streams[0]?.send(podFrame("a", { ips: ["10.0.0.7"] }), fresh, synced);
  const beat = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 5000) {
      await clock.advance(5000);
      server.streams.at(-1)?.send(fresh);
      await flushPromises();
    }
  };
  await beat(550_000);
  assert.equal(server.streams.length, 1);
  state.token = { text: "second-token", expiresAt: clock.now() + 600_000 };
  await beat(10_000);
  assert.equal(server.streams[1]?.token, "Bearer second-token");
  assert.equal(server.streams[0]?.cancelled, false);
  server.streams[1]?.send(podFrame("b", { ips: ["10.0.0.8"] }));
  await flushPromises();
  assert.equal(assignments.lookUpAddress("10.0.0.7").kind, "pod");
  server.streams[1]?.send(fresh, synced);
  await flushPromises();
  assert.equal(server.streams[0]?.cancelled, true);
  assert.equal(assignments.lookUpAddress("10.0.0.7").kind, "unknown");
  assert.equal(assignments.lookUpAddress("10.0.0.8").kind, "pod");
  await end();
});

test("the agent switches from a server with a stalled watch to one with a fresh watch", async () => {
  const { clock, server, assignments, end } = setUp(["10.0.1.1", "10.0.1.2"]);
  await flushPromises();
  const first = server.streams[0];
  first?.send(fresh, podFrame("a", { ips: ["10.0.0.7"] }), synced);
  for (let passed = 0; passed < 45_000; passed += 5000) {
    await clock.advance(5000);
    first?.send(stalled);
  }
  const other = server.streams[1];
  assert.notEqual(other?.address, first?.address);
  assert.equal(assignments.lookUpAddress("10.0.0.7").kind, "stale");
  other?.send(podFrame("a", { ips: ["10.0.0.7"] }), synced, fresh);
  await flushPromises();
  assert.equal(assignments.lookUpAddress("10.0.0.7").kind, "pod");
  assert.equal(first?.cancelled, true);
  await end();
});

test("readPod() sends its request to the followed replica", async () => {
  const { server, link, end } = setUp();
  await assert.rejects(link.readPod("10.0.0.7"), { code: "unreachable" });
  await flushPromises();
  server.answer = (path) =>
    path.endsWith("/10.0.0.7")
      ? Response.json(podFrame("a", { ips: ["10.0.0.7"] }))
      : new Response("two claims", { status: 409 });
  assert.equal((await link.readPod("10.0.0.7"))?.pod.uid, "a");
  assert.equal(await link.readPod("10.0.0.8"), null);
  server.answer = () => new Response("too many", { status: 429 });
  await assert.rejects(link.readPod("10.0.0.9"), { code: "refused" });
  await end();
});
