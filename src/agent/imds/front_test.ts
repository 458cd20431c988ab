import { test } from "node:test";
import assert from "node:assert/strict";
import { fakeIncoming, type FakeRequest } from "../../../tests/fakes/incoming.ts";
import { ManualClock } from "../../../tests/fakes/manual_clock.ts";
import { type FakeFound, fakePods, samplePods } from "../../../tests/fakes/pods.ts";
import { type Reply, replyOf } from "../../net/http_messages.ts";
import { createImdsFront, type ImdsFrontOptions } from "./front.ts";
import { passthroughRule } from "./passthrough_rule.ts";
import { TokenKeyRing } from "./token_keys.ts";

const roles = "/latest/meta-data/iam/security-credentials";
const info = "/latest/meta-data/iam/info";
const id = "/latest/meta-data/instance-id";
const ttl = "X-aws-ec2-metadata-token-ttl-seconds";
const tokenHeader = "X-aws-ec2-metadata-token";
const forwarded = ["X-Forwarded-For", "1.2.3.4"] as const;
const document = '{"Code":"Success"}';

const pod = (kind: keyof typeof samplePods, more: object = {}): FakeFound => ({
  kind: "pod",
  pod: { ...samplePods[kind], ...more },
});
const ready = pod("ready");
const unknown: FakeFound = { kind: "unknown" };

type Seen = Parameters<ImdsFrontOptions["upstream"]>[0];

function front(found: FakeFound, more: Partial<ImdsFrontOptions> & { later?: FakeFound } = {}) {
  const { later, ...deps } = more;
  const pods = fakePods(found, later);
  const clock = new ManualClock();
  const passed: Seen[] = [];
  const answered: string[] = [];
  const { answer, app } = createImdsFront({
    pods,
    clock,
    upstream: (request) => {
      passed.push(request);
      return Promise.resolve(replyOf(new Response("i-1")));
    },
    tokenKeys: new TokenKeyRing({ random: (bytes) => new Uint8Array(bytes) }),
    allowedHosts: [],
    passthrough: passthroughRule("all", false),
    tokenRequired: false,
    podRate: 0,
    answered: (route, status) => answered.push(`${route} ${status}`),
    ...deps,
  });
  const send = async (request: FakeRequest | string) => {
    const whole = typeof request === "string" ? { target: request } : request;
    return await read(await answer(fakeIncoming(whole)));
  };
  const token = async (request: FakeRequest = {}) =>
    (await send({ method: "PUT", target: "/latest/api/token", headers: [[ttl, "60"]], ...request }))
      .body;
  return { send, app, token, pods, clock, passed, answered };
}

async function read({ status, headers, body, last = false }: Reply) {
  const named = new Map(headers.map(([name, value]) => [name.toLowerCase(), value]));
  const text = await new Response(body as BodyInit | null).text();
  return { status, headers: named, body: text, last };
}

test("createImdsFront(): requests of a pod without a token are noted, with whatever they end", async () => {
  const noted: string[] = [];
  const withoutToken = (uid: string) => void noted.push(uid);
  const found = { kind: "pod", pod: { ...samplePods.ready, imdsv2Required: false } } as const;
  const asked = front(found, { withoutToken });
  const session = await asked.token();
  await asked.send({ target: roles, headers: [["x-aws-ec2-metadata-token", session]] });
  assert.deepEqual(noted, []);
  await asked.send(roles);
  await asked.send("/latest/meta-data/instance-id");
  assert.equal(noted.length, 2);
  assert.deepEqual([...new Set(noted)], [samplePods.ready.uid]);
  await front({ kind: "unknown" }, { withoutToken }).send(roles);
  assert.equal(noted.length, 2);
});

// who asks, target, status, body (an error's in part)
const rows = [
  ["ready", `${roles}/`, 200, "reader"],
  ["ready", roles, 200, "reader"],
  ["ready", `/1.0/meta-data/iam/security-credentials/`, 200, "reader"],
  ["ready", `/2021-01-03/meta-data/iam/security-credentials/`, 200, "reader"],
  ["ready", `${roles}/reader`, 200, document],
  ["ready", `${roles}//reader`, 200, document],
  ["ready", `${roles}/reader/`, 200, document],
  ["ready", `${roles}/team/reader`, 200, document],
  ["ready", `${roles}//team/reader`, 200, document],
  ["ready", `${roles}/arn:aws:iam::111122223333:role/team/reader`, 200, document],
  ["ready", `${roles}/arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fteam%2Freader`, 200, document],
  ["ready", `${roles}/reader?x=1`, 200, document],
  ["ready", `${roles}/other`, 403, "not the pod's role"],
  ["ready", `${roles}/Reader`, 403, "not the pod's role"],
  ["ready", `${roles}/..%2f..%2fx`, 400, "malformed"],
  ["ready", info, 200, "instance-profile/team/reader"],
  ["ready", "/latest/meta-data/iam", 404, "not found"],
  ["ready", "/latest/meta-data/iam/", 404, "not found"],
  ["ready", "/latest/meta-data/iam/security-credentials-extended/", 404, "not found"],
  ["ready", "/LATEST/meta-data/iam/security-credentials/reader", 404, "not found"],
  ["ready", "/latest/Meta-Data/IAM/security-credentials/reader", 404, "not found"],
  ["ready", "/x/meta-data/identity-credentials/ec2/info", 404, "not found"],
  ["ready", "/1.0/api/token", 404, "not found"],
  ["ready", "/latest/user-data", 404, "not found"],
  ["ready", id, 200, "i-1"],
  ["ready", "http://169.254.169.254/latest/meta-data/instance-id", 400, "no proxy"],
  ["ready", "/latest/meta-data%2finstance-id", 400, "malformed"],
  ["none", `${roles}/`, 404, "no role"],
  ["none", `${roles}/reader`, 404, "no role"],
  ["none", info, 404, "no role"],
  ["none", id, 200, "i-1"],
  ["denied", `${roles}/`, 403, "namespace team permits nothing\n"],
  ["denied", `${roles}/reader`, 403, "namespace team permits nothing\n"],
  ["denied", id, 200, "i-1"],
  ["pending", `${roles}/`, 200, "reader"],
  ["pending", `${roles}/reader`, 503, "not available yet"],
  ["pending", info, 503, "not available yet"],
  ["pending", id, 200, "i-1"],
  ["unknown", `${roles}/`, 503, "no pod is known"],
  ["unknown", `${roles}/reader`, 503, "no pod is known"],
  ["unknown", id, 503, "no pod is known"],
  ["unknown", "/latest/meta-data/iam/", 404, "not found"],
  ["unknown", "/latest/user-data", 404, "not found"],
  ["conflict", `${roles}/reader`, 503, "two pods"],
  ["stale", `${roles}/reader`, 503, "silent"],
  ["stale", id, 503, "silent"],
] as const;

const foundOf = (who: string): FakeFound =>
  who in samplePods
    ? pod(who as keyof typeof samplePods)
    : { kind: who as "unknown" | "conflict" | "stale" };

for (const [who, target, status, body] of rows) {
  test(`front: ${who} requests ${target}: ${status}`, async () => {
    const { send } = front(foundOf(who));
    const answer = await send(target);
    assert.equal(answer.status, status, answer.body);
    if (status === 200) assert.ok(answer.body === body || target === info, answer.body);
    assert.ok(answer.body.includes(body), answer.body);
    assert.equal(answer.headers.get("retry-after"), status === 503 ? "1" : undefined);
    if (status !== 200) assert.match(answer.body, /^[^\n]+\n$/);
    if (answer.body === "i-1") return;
    assert.equal(answer.headers.get("server"), "EC2ws");
    assert.equal(answer.headers.get("content-type"), "text/plain");
    const head = await send({ method: "HEAD", target });
    assert.equal(head.status, status);
  });
}

// method, target, status, Allow
const methods = [
  ["PUT", "/1.0/api/token", 404, undefined],
  ["PUT", "/2021-01-03/api/token", 404, undefined],
  ["PUT", "/LATEST/api/token", 404, undefined],
  ["PUT", "/latest/api/token/x", 404, undefined],
  ["POST", `${roles}/reader`, 405, "GET, HEAD"],
  ["PUT", `${roles}/reader`, 405, "GET, HEAD"],
  ["PUT", id, 405, "GET, HEAD"],
  ["DELETE", id, 405, "GET, HEAD"],
  ["OPTIONS", id, 405, "GET, HEAD"],
  ["GET", "/latest/api/token", 405, "OPTIONS, PUT"],
  ["HEAD", "/latest/api/token", 405, "OPTIONS, PUT"],
  ["POST", "/latest/api/token", 405, "OPTIONS, PUT"],
  ["OPTIONS", "/latest/api/token/", 405, "OPTIONS, PUT"],
] as const;

for (const [method, target, status, allow] of methods) {
  test(`front: ${method} ${target}: ${status}, Allow ${allow}`, async () => {
    const { send, passed } = front(ready);
    const answer = await send({ method, target });
    assert.equal(answer.status, status);
    assert.equal(answer.headers.get("allow"), allow);
    assert.equal(answer.headers.get("server"), "EC2ws");
    if (allow === "OPTIONS, PUT") assert.equal(answer.body, "");
    assert.deepEqual(passed, []);
  });
}

// headers of the PUT, who asks, status
const puts = [
  [[[ttl, "21600"]], ready, 200],
  [[[ttl, "1"]], unknown, 200],
  [[[ttl, "60"]], { kind: "conflict" }, 200],
  [[["x-AWS-ec2-Metadata-Token-TTL-seconds", "60"]], ready, 200],
  [[], ready, 400],
  [[[ttl, "0"]], ready, 400],
  [[[ttl, "21601"]], ready, 400],
  [[[ttl, "x"]], ready, 400],
  [[[ttl, "60"], [ttl, "60"]], ready, 400],
  [[[ttl, "60"], forwarded], ready, 403],
  [[[ttl, "60"], ["X-Forwarded-For", ""]], ready, 403],
] as const;

for (const [headers, found, status] of puts) {
  test(`front: PUT token with ${JSON.stringify(headers)}: ${status}`, async () => {
    const { send, pods } = front(found as FakeFound, { tokenRequired: true });
    const answer = await send({ method: "PUT", target: "/latest/api/token", headers });
    assert.equal(answer.status, status);
    assert.deepEqual(pods.waits, []);
    if (status !== 200) return;
    assert.match(answer.body, /^[A-Za-z0-9_-]{56}$/);
    assert.equal(answer.headers.get("x-aws-ec2-metadata-token-ttl-seconds"), headers[0]?.[1]);
  });
}

test("front: a role with two slashes in its path is served under every spelling", async () => {
  const arn = "arn:aws:iam::111122223333:role/a//b/reader";
  const role = { ...samplePods.ready.outcome.role, arn, requested: "/a//b/reader" };
  const { send } = front(pod("ready", { outcome: { kind: "ready", role } }));
  for (const requested of ["reader", "a//b/reader", "/a//b/reader", arn, encodeURIComponent(arn)]) {
    assert.equal((await send(`${roles}/${requested}`)).status, 200, requested);
  }
  assert.equal((await send(`${roles}/b/reader`)).status, 403);
});

test("front: answers to a valid token contain its remaining lifetime, also when passed on", async () => {
  const { send, token, clock } = front(ready, { tokenRequired: true });
  const headers = [[tokenHeader, await token()]] as const;
  await clock.advance(10_000);
  for (const target of [`${roles}/`, `${roles}/reader`, info, id]) {
    const answer = await send({ target, headers });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("x-aws-ec2-metadata-token-ttl-seconds"), "50");
  }
});

test("front: a token that isn't good gets 401 in either mode", async () => {
  const { send, token, clock } = front(ready);
  const own = await token();
  const others = await token({ peer: "10.0.0.8" });
  const status = async (text: string) =>
    (await send({ target: id, headers: [[tokenHeader, text]] })).status;
  assert.equal(await status(own), 200);
  assert.equal(await status(others), 401);
  assert.equal(await status("garbage"), 401);
  assert.equal(await status(""), 200);
  await clock.advance(60_000);
  assert.equal(await status(own), 401);
});

test("front: a bad token gets 401 on every path, by any method, in every mode, at once", async () => {
  const paths = [
    "/",
    roles,
    info,
    id,
    "/latest/user-data",
    "/latest/meta-data/iam/x",
    "/x%2fy",
    "*",
  ];
  for (const found of [ready, pod("none"), unknown, { kind: "conflict" }] as const) {
    for (const setting of ["all", "safe", "none", "/latest/x"]) {
      for (const tokenRequired of [true, false]) {
        const passthrough = passthroughRule(setting, false);
        const { send, pods, passed } = front(found, { passthrough, tokenRequired });
        for (const target of [...paths, "/latest/api/token"]) {
          for (const method of ["GET", "HEAD", "POST"]) {
            const answer = await send({ method, target, headers: [[tokenHeader, "INVALID"]] });
            assert.equal(answer.status, 401, `${method} ${target}`);
          }
        }
        assert.deepEqual([pods.waits, passed], [[], []]);
      }
    }
  }
});

test("front: an expired token, or one of another address or pod, gets 401 on a blocked path", async () => {
  const { send, token, clock } = front(ready);
  const own = await token();
  const others = await token({ peer: "10.0.0.8" });
  const status = async (text: string) =>
    (await send({ target: "/latest/user-data", headers: [[tokenHeader, text]] })).status;
  assert.equal(await status(others), 401);
  assert.equal(await status(own), 404);
  await clock.advance(60_000);
  assert.equal(await status(own), 401);
  const { send: sendOther } = front(pod("ready", { uid: "uid-b" }));
  const headers = [[tokenHeader, own]] as const;
  assert.equal((await sendOther({ target: "/latest/user-data", headers })).status, 401);
});

test("front: a token issued before the pod was known isn't refused on any path", async () => {
  const { send, token } = front(unknown);
  const headers = [[tokenHeader, await token()]] as const;
  assert.equal((await send({ target: "/latest/user-data", headers })).status, 404);
  assert.equal((await send({ target: roles, headers })).status, 503);
});

test("front: a request for a token is answered, whatever token it sends", async () => {
  const { send } = front(ready);
  const headers = [[ttl, "60"], [tokenHeader, "INVALID"]] as const;
  assert.equal((await send({ method: "PUT", target: "/latest/api/token", headers })).status, 200);
});

test("front: without a token 401, if the flag or the namespace requires one", async () => {
  for (
    const { send, passed } of [
      front(ready, { tokenRequired: true }),
      front(pod("ready", { imdsv2Required: true })),
    ]
  ) {
    for (const target of [`${roles}/`, `${roles}/reader`, info, id]) {
      assert.equal((await send(target)).status, 401);
      assert.equal((await send({ target, headers: [[tokenHeader, ""]] })).status, 401);
    }
    assert.deepEqual(passed, []);
  }
});

test("front: X-Forwarded-For is refused with a token and passes without", async () => {
  const { send, token, passed } = front(ready);
  const headers = [[tokenHeader, await token()], forwarded] as const;
  assert.equal((await send({ target: id, headers })).status, 403);
  assert.equal((await send({ target: id, headers: [forwarded] })).status, 200);
  assert.deepEqual(Object.keys(passed[0]?.headers ?? {}), []);
});

test("front: a token issued before the pod was known is the pod's", async () => {
  const { send, token } = front(unknown, { later: ready });
  const headers = [[tokenHeader, await token()]] as const;
  assert.equal((await send({ target: `${roles}/reader`, headers })).status, 200);
});

test("front: a request for an unknown pod waits 900 ms at most, and says for how long", async () => {
  const { send, pods } = front(unknown, { later: ready, waited: (ms) => waited.push(ms) });
  const waited: number[] = [];
  assert.equal((await send(`${roles}/reader`)).body, document);
  assert.deepEqual(pods.waits, [{ ip: "10.0.0.7", ms: 900 }]);
  assert.deepEqual(waited, [0]);
});

test("front: the time in which the connection is identified counts", async () => {
  const clock = new ManualClock();
  const pods = { ...fakePods(unknown), identified: () => clock.advance(100) };
  assert.equal((await front(unknown, { pods, clock }).send(roles)).status, 503);
  assert.deepEqual(pods.waits, [{ ip: "10.0.0.7", ms: 800 }]);
});

test("front: a connection that isn't proven to be a pod's is closed, so that the pod opens another", async () => {
  const callers = [{ kind: "unproven" }, unknown, { kind: "stale" }, ready] as const;
  const answers = await Promise.all(callers.map((found) => front(found).send(roles)));
  assert.deepEqual(answers.map(({ status, last }) => [status, last]), [
    [503, true],
    [503, false],
    [503, false],
    [200, false],
  ]);
});

test("front: two Hosts, or a foreign one, get 400 before anything else", async () => {
  const { send } = front(ready);
  for (const hosts of [["evil.example"], ["localhost", "localhost"], ["localhost/latest?"]]) {
    const headers = hosts.map((host) => ["Host", host] as const);
    assert.equal((await send({ target: `${roles}/reader`, headers })).status, 400);
  }
});

test("front: a pod that floods gets 503, other pods don't", async () => {
  const pods = { ...fakePods(ready), lastKnown: ({ peer }: { peer: string }) => `pod at ${peer}` };
  const { send } = front(ready, { pods, podRate: 2 });
  const statuses = [];
  for (let i = 0; i < 6; i++) statuses.push((await send(id)).status);
  assert.deepEqual(statuses, [200, 200, 200, 200, 503, 503]);
  assert.equal((await send({ target: id, peer: "10.0.0.8" })).status, 200);
});

test("front: a flood from a pod's address by another doesn't use up the pod's rate", async () => {
  const lastKnown = ({ peerPort }: { peerPort: number }) => peerPort === 1 ? "the pod" : undefined;
  const { send } = front(ready, { pods: { ...fakePods(ready), lastKnown }, podRate: 2 });
  for (let i = 0; i < 6; i++) await send({ target: id, peerPort: 2 });
  assert.equal((await send({ target: id, peerPort: 2 })).status, 503);
  assert.equal((await send({ target: id, peerPort: 1 })).status, 200);
});

test("front: a token is bound to the pod that is identified meanwhile", async () => {
  let uid: string | undefined;
  const identified = () => Promise.resolve().then(() => void (uid = "uid-a"));
  const pods = { ...fakePods(ready), identified, lastKnown: () => uid };
  const { token, send } = front(ready, { pods });
  const headers = [["X-aws-ec2-metadata-token", await token()]] as const;
  assert.equal((await send({ target: id, headers })).status, 200);
  uid = "uid-b";
  const other = front(pod("ready", { uid: "uid-b" } as never), {
    pods: { ...fakePods(pod("ready", { uid: "uid-b" } as never)), lastKnown: () => uid },
  });
  assert.equal((await other.send({ target: id, headers })).status, 401);
});

test("front: what is passed on: canonical path, no query, no hop-by-hop header, no token", async () => {
  const { send, token, passed } = front(ready);
  await send({
    target: "/latest//meta-data/./x/..//%69nstance-id?a=b",
    headers: [
      ["User-Agent", "test"],
      ["X-Two", "1"],
      ["x-two", "2"],
      ["Connection", "close, X-Hop"],
      ["X-Hop", "1"],
      ["TE", "trailers"],
      ["Upgrade", "h2c"],
      ["Content-Length", "0"],
      [tokenHeader.toUpperCase(), await token()],
    ],
  });
  assert.deepEqual(passed.map(({ method, path, headers }) => ({ method, path, headers })), [
    { method: "GET", path: id, headers: { "User-Agent": "test", "X-Two": "1, 2" } },
  ]);
});

test("front: status, headers and body come back as they are, a redirect too", async () => {
  const answer = new Response("moved", {
    status: 301,
    headers: [
      ["Location", "http://169.254.169.254/latest/meta-data/"],
      ["Server", "EC2ws"],
      ["ETag", '"1"'],
      ["Connection", "close, X-Hop"],
      ["X-Hop", "1"],
      ["X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600"],
    ],
  });
  const { send } = front(ready, { upstream: () => Promise.resolve(replyOf(answer)) });
  const { status, headers, body } = await send("/latest/meta-data");
  assert.deepEqual([status, body], [301, "moved"]);
  assert.deepEqual([...headers.keys()].sort(), ["content-type", "etag", "location", "server"]);
  assert.equal(headers.get("location"), "http://169.254.169.254/latest/meta-data/");
});

test("front: 502 if the service is down, 504 if it is slow", async () => {
  const failing = (code: string) => ({
    upstream: () => Promise.reject(Object.assign(new Error("fault"), { code })),
  });
  assert.equal((await front(ready, failing("ECONNREFUSED")).send(id)).status, 502);
  assert.equal((await front(ready, failing("imds_timeout")).send(id)).status, 504);
});

test("front: the client's departure is passed on", async () => {
  const { send, passed } = front(ready);
  const { signal } = new AbortController();
  await send({ target: id, signal });
  assert.equal(passed[0]?.signal, signal);
});

test("front: answers are reported by route and status", async () => {
  const { send, token, answered } = front(ready);
  await token();
  for (const target of [roles, `${roles}/x`, info, "/latest/meta-data/iam/x", id, "*"]) {
    await send(target);
  }
  const expected = "token 200,roles 200,roles 403,info 200,blocked 404,metadata 200,refused 400";
  assert.equal(answered.join(","), expected);
});
