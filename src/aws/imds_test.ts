import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import { createImds, type ImdsOptions } from "./imds.ts";

interface Service {
  /** Answers to PUTs, by turns; the last one stays. */
  readonly puts: (() => Response | Promise<Response>)[];
  /** The tokens taken; undefined means none was sent. */
  readonly takes: (string | undefined)[];
}

function service({ puts, takes }: Service, more: Partial<ImdsOptions> = {}) {
  const log: string[] = [];
  const clock = new ManualClock();
  const answerPut = async () => {
    const answer = puts.length > 1 ? puts.shift() : puts[0];
    return answer === undefined ? assert.fail("no answer to a PUT left") : await answer();
  };
  const fetch: ImdsOptions["http"]["fetch"] = (url, { method, headers } = {}) => {
    const token = headers?.["X-aws-ec2-metadata-token"] as string | undefined;
    log.push(`${method} ${url} ${method === "PUT" ? "" : token ?? "none"}`.trim());
    if (method === "PUT") return answerPut();
    return Promise.resolve(
      new Response(takes.includes(token) ? "ok" : "no", {
        status: takes.includes(token) ? 200 : 401,
      }),
    );
  };
  const send = createImds({ baseUrl: "http://imds/", http: { fetch }, clock, ...more });
  const get = (signal = new AbortController().signal) =>
    send({
      method: "GET",
      path: "/latest/meta-data/instance-id",
      headers: { Accept: "*/*" },
      signal,
    });
  return { get, clock, log };
}

const token = (text: string) => () => new Response(text);
const put = "PUT http://imds/latest/api/token";
const got = (shown: string) => `GET http://imds/latest/meta-data/instance-id ${shown}`;

test("imds: one token serves many requests, those at the same time too", async () => {
  const { get, log } = service({ puts: [token("t1")], takes: ["t1"] });
  const answers = await Promise.all([get(), get(), get()]);
  await get();
  assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200]);
  assert.deepEqual(log, [put, got("t1"), got("t1"), got("t1"), got("t1")]);
});

test("imds: the token is renewed after four fifths of its six hours", async () => {
  const { get, clock, log } = service({ puts: [token("t1"), token("t2")], takes: ["t1", "t2"] });
  await get();
  await clock.advance(4.8 * 3600_000 - 1);
  await get();
  await clock.advance(1);
  await get();
  assert.deepEqual(log, [put, got("t1"), got("t1"), put, got("t2")]);
});

test("imds: a refused token is replaced once", async () => {
  const { get, log } = service({ puts: [token("t1"), token("t2")], takes: ["t2"] });
  assert.equal((await get()).status, 200);
  assert.deepEqual(log, [put, got("t1"), put, got("t2")]);
});

test("imds: a service that refuses the new token too is a fault", async () => {
  const { get, log } = service({ puts: [token("t1")], takes: [] });
  await assert.rejects(get(), { code: "imds_token" });
  assert.equal(log.length, 4);
});

for (const status of [403, 404, 405]) {
  test(`imds: after ${status} for the PUT, no token is sent for a minute`, async () => {
    const puts = [() => new Response("no", { status }), token("t1")];
    const { get, clock, log } = service({ puts, takes: [undefined, "t1"] });
    await get();
    await get();
    await clock.advance(60_000);
    await get();
    assert.deepEqual(log, [put, got("none"), got("none"), put, got("t1")]);
  });
}

test("imds: any other answer to the PUT is a fault, and the next request tries again", async () => {
  const puts = [() => new Response("busy", { status: 503 }), token("t1")];
  const { get } = service({ puts, takes: ["t1"] });
  await assert.rejects(get(), { code: "imds_token" });
  assert.equal((await get()).status, 200);
});

function silent(answersPut: boolean) {
  const clock = new ManualClock();
  const aborted: unknown[] = [];
  const fetch: ImdsOptions["http"]["fetch"] = (_url, { method, signal } = {}) => {
    if (method === "PUT" && answersPut) return Promise.resolve(new Response("t1"));
    return new Promise((_resolve, reject) => {
      signal?.addEventListener("abort", () => {
        aborted.push(signal.reason);
        reject(signal.reason);
      });
    });
  };
  const send = createImds({ baseUrl: "http://imds", http: { fetch }, clock, timeoutMs: 3000 });
  const get = (signal: AbortSignal) => send({ method: "GET", path: "/x", headers: {}, signal });
  return { get, clock, aborted };
}

for (const answersPut of [true, false]) {
  test(`imds: silence ${answersPut ? "after" : "at"} the token is a timeout`, async () => {
    const { get, clock, aborted } = silent(answersPut);
    const requested = assert.rejects(get(new AbortController().signal), { code: "imds_timeout" });
    await clock.advance(3000);
    await requested;
    assert.equal(aborted.length, 1);
    assert.equal(clock.pending(), 0);
  });
}

test("imds: the client's departure ends its request", async () => {
  const { get, clock, aborted } = silent(true);
  const client = new AbortController();
  const requested = assert.rejects(get(client.signal), /gone/);
  await clock.advance(0);
  client.abort(new Error("gone"));
  await requested;
  assert.equal(aborted.length, 1);
  assert.equal(clock.pending(), 0);
});
