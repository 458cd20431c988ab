import assert from "node:assert/strict";
import { test } from "node:test";
import { flushPromises, ManualClock } from "../../../../tests/fakes/manual_clock.ts";
import { summary } from "../../../../tests/fakes/summaries.ts";
import { callReplicas, type ReplicaOptions } from "./replicas.ts";

type Fetch = ReturnType<ReplicaOptions["httpClient"]>["fetch"];

function parts(fetch: Fetch, changes: Partial<ReplicaOptions> = {}) {
  const clock = new ManualClock();
  const closed: string[] = [];
  const made: ReplicaOptions = {
    url: "https://rolecall-server:8443",
    resolve: () => Promise.resolve(["10.0.0.1", "10.0.0.2"]),
    authority: () => Promise.resolve("PEM"),
    token: () => Promise.resolve("own-token"),
    httpClient: ({ ca }) => ({ fetch, close: () => void closed.push(ca) }),
    clock,
    ...changes,
  };
  const { summaries, renew } = callReplicas(made);
  return { clock, closed, send: summaries, renew };
}

test("summaries(): each address is called under the Service's name, with the server's own token", async () => {
  const requested: unknown[] = [];
  const { send, closed } = parts((url, { headers, address }) => {
    requested.push([url, address, headers["authorization"]]);
    return Promise.resolve(Response.json(summary({ replica: address })));
  });
  const answers = await send({ namespace: "shop", name: "web" });
  const url = "https://rolecall-server:8443/v1/summary?namespace=shop&pod=web";
  assert.deepEqual(requested, [
    [url, "10.0.0.1", "Bearer own-token"],
    [url, "10.0.0.2", "Bearer own-token"],
  ]);
  assert.deepEqual(
    answers.map((one) => one.kind === "summary" && one.summary.replica),
    ["10.0.0.1", "10.0.0.2"],
  );
  assert.deepEqual(closed, ["PEM"]);
});

// what one address does, what is said of it
const faults: readonly [string, Fetch, RegExp][] = [
  ["refuses", () => Promise.resolve(new Response("403 not you\n", { status: 403 })), /^403 /],
  ["answers something else", () => Promise.resolve(new Response("{}")), /not a summary/],
  ["answers no JSON", () => Promise.resolve(new Response("<html>")), /JSON|token/i],
  ["is gone", () => Promise.reject(new Error("connect\nrefused")), /^connect refused$/],
];

for (const [name, fault, problem] of faults) {
  test(`summaries(): an address that ${name} is a problem, the other still answers`, async () => {
    const { send } = parts((url, init) =>
      init.address === "10.0.0.1" ? fault(url, init) : Promise.resolve(Response.json(summary()))
    );
    const [first, second] = await send();
    assert.ok(first?.kind === "problem" && first.peer === "10.0.0.1");
    assert.match(first.problem, problem);
    assert.equal(second?.kind, "summary");
  });
}

test("summaries(): a replica that doesn't answer is waited for 3 s", async () => {
  const { send, clock } = parts((_url, { signal }) =>
    new Promise((_, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason), { once: true })
    )
  );
  const requested = send();
  await flushPromises();
  await clock.advance(3_000);
  assert.deepEqual((await requested).map((one) => one.kind === "problem" && one.problem), [
    "no answer within 3 s",
    "no answer within 3 s",
  ]);
});

// what is missing, what is said
const lacks: readonly [string, Partial<ReplicaOptions>][] = [
  ["no such name", { resolve: () => Promise.reject(new Error("ENOTFOUND")) }],
  ["no authority", { authority: () => Promise.reject(new Error("ENOTFOUND")) }],
  ["no token", { token: () => Promise.reject(new Error("ENOTFOUND")) }],
];

for (const [name, changes] of lacks) {
  test(`summaries(): ${name}: no replica is called, and the problem is reported`, async () => {
    const { send } = parts(() => assert.fail("asked"), changes);
    assert.deepEqual(await send(), [
      { kind: "problem", peer: "rolecall-server", problem: "ENOTFOUND" },
    ]);
  });
}

test("renew(): sent to each replica; one of an older version is named", async () => {
  const sent: unknown[] = [];
  const { renew } = parts((url, { method, body, address }) => {
    sent.push([url, method, JSON.parse(body!)]);
    if (address === "10.0.0.2") return Promise.resolve(new Response("no\n", { status: 404 }));
    return Promise.resolve(Response.json({ replica: "server-1", renewing: 3 }));
  });
  const request = { issuedBefore: "2026-01-01T00:00:00Z", sessions: [] };
  assert.deepEqual(await renew(request), [
    { replica: "server-1", renewing: 3, problem: null },
    { replica: "10.0.0.2", renewing: 0, problem: "404 no" },
  ]);
  const call = ["https://rolecall-server:8443/v1/renew", "POST", request];
  assert.deepEqual(sent, [call, call]);
});
