import { test } from "node:test";
import assert from "node:assert/strict";
import { FakeKubernetesApi, json, refusal } from "../../../tests/fakes/kubernetes_api.ts";
import { flushPromises, ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { createKubernetesApi } from "./api.ts";
import { ApiFault, networkProblem } from "./api_fault.ts";
import type { Access } from "./connection.ts";

const list = { action: "list pods", path: "/api/v1/pods?limit=1" };

/** An API over a scripted server; `accesses` are what the connection gives, the last one for ever. */
function opened(...accesses: Access[]) {
  const fake = new FakeKubernetesApi();
  const clock = new ManualClock();
  const requested: boolean[] = [];
  const clients: Access["tls"][] = [];
  const api = createKubernetesApi({
    connection: {
      server: "https://api:6443/prefix",
      namespace: "shop",
      access: (refresh) => {
        requested.push(refresh);
        const next = accesses.length > 1 ? accesses.shift() : accesses[0];
        return Promise.resolve(next ?? { tls: {}, headers: { Authorization: "Bearer secret" } });
      },
    },
    httpClient: (tls) => (clients.push(tls), fake),
    clock,
    userAgent: "rolecall/test",
  });
  return { fake, clock, api, requested, clients };
}

test("KubernetesApi.json() sends the request with the connection's headers", async () => {
  const { fake, api } = opened();
  fake.answer(json({ kind: "Pod" }, 201));
  const call = { ...list, method: "PATCH", body: { a: 1 }, contentType: "application/x" };
  assert.deepEqual(await api.json(call), { kind: "Pod" });
  assert.deepEqual(fake.trace(), ["PATCH /prefix/api/v1/pods?limit=1"]);
  assert.deepEqual(fake.requests[0]?.headers, {
    Accept: "application/json",
    "User-Agent": "rolecall/test",
    "Content-Type": "application/x",
    Authorization: "Bearer secret",
  });
  assert.equal(fake.requests[0]?.body, '{"a":1}');
});

// status, Retry-After, code, wait
const refusals = [
  [401, null, "api_unauthorized", undefined],
  [403, null, "api_forbidden", undefined],
  [404, null, "api_not_found", undefined],
  [409, null, "api_conflict", undefined],
  [410, null, "api_gone", undefined],
  [429, "3", "api_throttled", 3000],
  [503, "1", "api_refused", 1000],
  [503, "tomorrow", "api_refused", undefined],
  [302, null, "api_refused", undefined],
] as const;

for (const [status, retryAfter, code, waitMs] of refusals) {
  test(`KubernetesApi.open() ${status}, Retry-After ${retryAfter}: ${code}`, async () => {
    const { fake, api } = opened();
    const headers: Record<string, string> = retryAfter ? { "retry-after": retryAfter } : {};
    fake.answer(...[1, 2].map(() => () => refusal(status, "said\nso", headers)));
    const fault = await api.open(list).catch((thrown) => thrown);
    assert.ok(fault instanceof ApiFault);
    assert.deepEqual([fault.code, fault.status, fault.retryAfterMs], [code, status, waitMs]);
    assert.equal(fault.message, `kubernetes: cannot list pods: ${status} said so`);
  });
}

test("KubernetesApi.open() rereads the token after a 401, once", async () => {
  const { fake, api, requested } = opened();
  fake.answer(refusal(401, "Unauthorized"), json({}));
  assert.equal((await api.open(list)).status, 200);
  assert.deepEqual(requested, [false, true]);
});

test("KubernetesApi keeps one client until the TLS material changes", async () => {
  const [one, two] = [{ tls: { ca: "1" }, headers: {} }, { tls: { ca: "2" }, headers: {} }];
  const { fake, api, clients } = opened(one, one, two);
  fake.answer(json({}), json({}), json({}));
  for (let count = 0; count < 3; count++) await api.json(list);
  assert.deepEqual(clients, [{ ca: "1" }, { ca: "2" }]);
});

test("KubernetesApi.json() waits ten seconds for an answer", async () => {
  const { clock, api } = opened();
  const pending = api.json(list).catch((thrown) => thrown);
  await flushPromises();
  await clock.advance(10_000);
  const fault = await pending;
  assert.ok(fault instanceof ApiFault);
  assert.equal(fault.code, "api_unreachable");
  assert.match(fault.message, /cannot list pods: no answer within 10 s/);
  assert.equal(clock.pending(), 0);
});

test("KubernetesApi.json() an answer that isn't JSON: a fault", async () => {
  const { fake, api } = opened();
  fake.answer(new Response("<html>"));
  await assert.rejects(api.json(list), {
    code: "api_unreachable",
    message: "kubernetes: cannot list pods: the response isn't JSON; " +
      "is the address that of an API server?",
  });
});

// code, what is said of it
const unreachable = [
  ["ECONNREFUSED", /cannot list pods: https:\S+ refuses connections; /],
  ["ENOTFOUND", /a name that can't be resolved; /],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", /isn't signed by the CA configured/],
  ["ERR_TLS_CERT_ALTNAME_INVALID", /for another name; .*tls-server-name/],
  ["EPROTO", /doesn't speak TLS; /],
] as const;

for (const [code, line] of unreachable) {
  test(`KubernetesApi says in its own words why an API can't be reached: ${code}`, async () => {
    const { fake, api } = opened();
    fake.answer(() => Promise.reject(Object.assign(new Error("raw text"), { code })));
    const fault: unknown = await api.json(list).catch((thrown) => thrown);
    assert.ok(fault instanceof ApiFault);
    assert.match(fault.message, line);
    assert.doesNotMatch(fault.message, /raw text/);
  });
}

test("networkProblem() names the proxy without its password", () => {
  const fault = new Error("connect ECONNREFUSED 10.0.0.1:1080");
  assert.match(
    networkProblem("https://api:6443", "socks5://user:secret@proxy:1080", fault) ?? "",
    /^https:\/\/api:6443 \(through the proxy proxy:1080\) refuses connections; /,
  );
});

test("KubernetesApi says why an API can't be reached", async () => {
  const { fake, api } = opened();
  const cause = new Error("self-signed certificate in certificate chain");
  fake.answer(() => Promise.reject(new TypeError("request failed", { cause })));
  await assert.rejects(api.open(list), {
    message: `kubernetes: cannot list pods: request failed: ${cause.message}`,
  });
});
