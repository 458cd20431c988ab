import { test } from "node:test";
import assert from "node:assert/strict";
import { jwt } from "../../../tests/fakes/jwt.ts";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { TokenPods } from "./token_pods.ts";

type Answer = () => Promise<Response> | Response;

const isPod = (uid: string): Answer => () => Response.json({ uid });
const says = (status: number, text = "no"): Answer => () => new Response(text, { status });
const away: Answer = () => Promise.reject(new Error("not connected to a server"));
const never: Answer = () => new Promise(() => {});

/** A server that answers with what `server.answer` says now, and pods assigned to the node. */
function setUp(answer: Answer = isPod("uid-a")) {
  const clock = new ManualClock();
  const server = { answer, requested: [] as string[] };
  const assigned = new Set(["uid-a", "uid-b"]);
  const outcomes: string[] = [];
  const tokens = new TokenPods({
    clock,
    send: async (body) => {
      server.requested.push(JSON.parse(body).token);
      return await server.answer();
    },
    isAssigned: (uid) => assigned.has(uid),
    checked: (outcome) => void outcomes.push(outcome),
  });
  const token = (seconds = 3600, extra: object = {}) =>
    jwt({ exp: Math.floor(clock.now() / 1000) + seconds, ...extra });
  const pod = async (text: string, peer = "10.0.0.7") => {
    const verdict = await tokens.podOf(text, peer);
    return verdict.kind === "pod" ? verdict.uid : verdict.kind;
  };
  return { clock, server, assigned, outcomes, token, pod };
}

// what the server says, verdict, outcome counted
const answers: [string, Answer, string, string][] = [
  ["a pod of the node", isPod("uid-a"), "uid-a", "verified"],
  ["a pod not assigned yet", isPod("uid-new"), "uid-new", "verified"],
  ["not valid", says(401), "refused", "refused"],
  ["not an agent", says(403), "unchecked", "unavailable"],
  ["no TokenReview now", says(503), "unchecked", "unavailable"],
  ["no such path: an older server", says(404), "unchecked", "unavailable"],
  ["no JSON", says(200, "<html>"), "unchecked", "unavailable"],
  ["no UID", says(200, '{"uid":""}'), "unchecked", "unavailable"],
  ["nothing: there is no server", away, "unchecked", "unavailable"],
];

for (const [name, answer, verdict, outcome] of answers) {
  test(`TokenPods, the server says ${name}: ${verdict}`, async () => {
    const { clock, token, pod, outcomes } = setUp(answer);
    assert.equal(await pod(token()), verdict);
    assert.deepEqual(outcomes, [outcome]);
    assert.equal(clock.pending(), 0);
  });
}

const past = jwt({ exp: Date.UTC(2025, 0, 1) / 1000 });
// tokens that can't be right
const unreadable = ["", "garbage", "a.b", "a.b.c", "a.b.c.d", jwt({}), past, `${past}\n${past}`];

for (const text of unreadable) {
  test(`TokenPods refuses ${JSON.stringify(text).slice(0, 30)} without a check`, async () => {
    const { server, pod } = setUp();
    assert.equal(await pod(text), "refused");
    assert.deepEqual(server.requested, []);
  });
}

test("TokenPods refuses a token that is too long without a check", async () => {
  const { server, token, pod } = setUp();
  assert.equal(await pod(token(3600, { more: "x".repeat(8192) })), "refused");
  assert.deepEqual(server.requested, []);
});

test("TokenPods checks a token once a minute, and again once it may be revoked", async () => {
  const { clock, server, token, pod } = setUp();
  const text = token();
  assert.deepEqual([await pod(text), await pod(text)], ["uid-a", "uid-a"]);
  assert.equal(server.requested.length, 1);
  await clock.advance(59_000);
  assert.equal(await pod(text), "uid-a");
  assert.equal(server.requested.length, 1);
  await clock.advance(2000);
  server.answer = says(401);
  assert.equal(await pod(text), "refused");
  server.answer = away;
  assert.equal(await pod(text), "unchecked");
  assert.equal(server.requested.length, 3);
});

test("TokenPods accepts a checked token until it expires while no server can be reached", async () => {
  const { clock, server, token, pod } = setUp();
  const text = token(600);
  assert.equal(await pod(text), "uid-a");
  server.answer = away;
  await clock.advance(590_000);
  assert.equal(await pod(text), "uid-a");
  server.answer = says(503);
  assert.equal(await pod(text), "uid-a");
  await clock.advance(10_000);
  assert.equal(await pod(text), "refused");
});

test("TokenPods forgets a token whose pod is no longer assigned", async () => {
  const { assigned, server, token, pod } = setUp();
  const text = token();
  assert.equal(await pod(text), "uid-a");
  assigned.delete("uid-a");
  server.answer = says(401);
  assert.equal(await pod(text), "refused");
  assigned.add("uid-a");
  server.answer = away;
  assert.equal(await pod(text), "unchecked");
});

test("TokenPods distinguishes tokens by every character", async () => {
  const { server, token, pod } = setUp();
  const text = token();
  assert.equal(await pod(text), "uid-a");
  server.answer = says(401);
  assert.equal(await pod(`${text}A`), "refused");
  assert.equal(await pod(text), "uid-a");
});

test("TokenPods checks a token once for concurrent requests", async () => {
  const { server, token, pod } = setUp();
  const text = token();
  assert.deepEqual(await Promise.all([pod(text), pod(text), pod(text)]), Array(3).fill("uid-a"));
  assert.equal(server.requested.length, 1);
});

test("TokenPods waits 0.9 s for a check; a later result counts for the next request", async () => {
  const late = Promise.withResolvers<Response>();
  const { clock, server, token, pod } = setUp(() => late.promise);
  const text = token();
  const requested = pod(text);
  await clock.advance(900);
  assert.equal(await requested, "unchecked");
  late.resolve(Response.json({ uid: "uid-a" }));
  await clock.advance(1);
  server.answer = never;
  assert.equal(await pod(text), "uid-a");
});

test("TokenPods: one address gets 40 checks at once, and doesn't delay others", async () => {
  const { server, token, pod } = setUp(says(401));
  const flood = [];
  for (let i = 0; i < 50; i++) flood.push(await pod(token(3600, { i }), "10.0.0.66"));
  assert.equal(flood.filter((verdict) => verdict === "flooded").length, 10);
  server.answer = isPod("uid-a");
  assert.equal(await pod(token()), "uid-a");
});

test("TokenPods: a flood of bad tokens evicts no cached token", async () => {
  const { server, token, pod } = setUp();
  const text = token();
  assert.equal(await pod(text), "uid-a");
  server.answer = says(401);
  for (let i = 0; i < 50; i++) await pod(token(3600, { i }));
  assert.equal(await pod(text), "uid-a");
});

test("TokenPods has at most 32 checks in flight", async () => {
  const { clock, server, token, pod } = setUp(never);
  const waiting = Array.from({ length: 40 }, (_, i) => pod(token(3600, { i }), `10.0.1.${i}`));
  await clock.advance(1);
  assert.equal(server.requested.length, 32);
  await clock.advance(900);
  assert.deepEqual(new Set(await Promise.all(waiting)), new Set(["unchecked"]));
  server.answer = isPod("uid-b");
  assert.equal(await pod(token()), "uid-b");
});

test("TokenPods caches 1000 tokens; the oldest is checked again", async () => {
  const { server, token, pod } = setUp();
  const first = token(3600, { first: true });
  await pod(first, "10.1.0.0");
  for (let i = 0; i < 1000; i++) await pod(token(3600, { i }), `10.2.${i >> 8}.${i & 255}`);
  assert.equal(server.requested.length, 1001);
  await pod(first, "10.1.0.0");
  assert.equal(server.requested.length, 1002);
});
