/**
 * What EC2's metadata service does on the wire and SDKs rely on, statement by statement, over raw
 * sockets. The letters are those of docs/wire.md, which says who relies on each.
 */
import { test, type TestContext } from "node:test";
import assert from "node:assert/strict";
import { credentialsDocument } from "../../../src/agent/documents/credentials_documents.ts";
import type { ImdsFrontOptions } from "../../../src/agent/imds/front.ts";
import { passthroughRule } from "../../../src/agent/imds/passthrough_rule.ts";
import { fakePods, samplePods } from "../../fakes/pods.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { rawExchange } from "../../fakes/raw_client.ts";
import { request, serveFront } from "./served_front.ts";
import { strictUpstream } from "./strict_upstream.ts";

const ttl = "X-aws-ec2-metadata-token-ttl-seconds";
const tokenPath = "/latest/api/token";
const roles = "/latest/meta-data/iam/security-credentials";

interface Got {
  readonly status: number;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function parsed(answer: string): Got {
  const end = answer.indexOf("\r\n\r\n");
  const [first = "", ...lines] = answer.slice(0, end).split("\r\n");
  const headers = Object.fromEntries(lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  }));
  return { status: Number(first.split(" ")[1]), headers, body: answer.slice(end + 4) };
}

const document = new Uint8Array(credentialsDocument({
  accessKeyId: "ASIAEXAMPLE",
  secretAccessKey: "secret/+",
  sessionToken: "token==",
  lastUpdated: "2026-01-02T15:04:05.678Z",
  expiration: "2026-01-02T16:04:05.999Z",
}));
const { outcome } = samplePods.ready;
const ready = {
  ...samplePods.ready,
  outcome: { ...outcome, role: { ...outcome.role, document } },
} as const;

type Send = (method: string, target: string, ...headers: string[]) => Promise<Got>;

async function start(t: TestContext, options: Partial<ImdsFrontOptions> = {}): Promise<Send> {
  const upstream = await strictUpstream();
  t.after(() => {
    upstream.close();
    assert.deepEqual(upstream.objections, []);
  });
  const pods = fakePods({ kind: "pod", pod: ready });
  const port = await serveFront(t, { upstreamUrl: upstream.url, options: { pods, ...options } });
  return async (...requested) => parsed(await rawExchange(port, request(...requested)));
}

const tokenFor = async (send: Send, seconds = 60) =>
  (await send("PUT", tokenPath, `${ttl}: ${seconds}`)).body;

test("A1: only the token, for 1 to 21600 s, text/plain, with its TTL", async (t) => {
  const send = await start(t);
  for (const seconds of [1, 10, 60, 300, 600, 21_600]) {
    const { status, headers, body } = await send("PUT", tokenPath, `${ttl}: ${seconds}`);
    assert.equal(status, 200);
    assert.match(body, /^[A-Za-z0-9_=-]{32,}$/);
    assert.equal(headers["content-type"], "text/plain");
    assert.equal(headers[ttl.toLowerCase()], String(seconds));
  }
});

test("A2: 400 for a TTL that is missing, no whole number or out of range", async (t) => {
  const send = await start(t);
  for (const value of ["", "x", "0", "-1", "21601", "1.5", "1e3", "60, 60", "99999999999"]) {
    assert.equal((await send("PUT", tokenPath, `${ttl}: ${value}`)).status, 400, value);
  }
  assert.equal((await send("PUT", tokenPath)).status, 400);
});

test("A3: 403 for X-Forwarded-For, on PUT and with a token", async (t) => {
  const send = await start(t);
  const forwarded = "X-Forwarded-For: 10.0.0.1";
  assert.equal((await send("PUT", tokenPath, `${ttl}: 60`, forwarded)).status, 403);
  const token = `X-aws-ec2-metadata-token: ${await tokenFor(send)}`;
  assert.equal((await send("GET", `${roles}/`, token, forwarded)).status, 403);
});

test("A4: 405 for other methods at the token, Allow: OPTIONS, PUT, no body", async (t) => {
  const send = await start(t);
  for (const method of ["GET", "POST", "DELETE", "OPTIONS"]) {
    const { status, headers, body } = await send(method, tokenPath, "Content-Length: 0");
    assert.deepEqual([status, headers["allow"], body], [405, "OPTIONS, PUT", ""]);
  }
});

test("A5: a token is good until its TTL and for no other pod", async (t) => {
  const clock = new ManualClock();
  let uid = "a";
  const pods = fakePods({ kind: "pod", pod: ready });
  const found = () => ({ kind: "pod" as const, pod: { ...ready, uid } });
  const send = await start(t, {
    clock,
    pods: { ...pods, find: found, lastKnown: () => uid },
  });
  const token = `X-aws-ec2-metadata-token: ${await tokenFor(send, 60)}`;
  await clock.advance(59_000);
  assert.equal((await send("GET", `${roles}/`, token)).status, 200);
  uid = "b";
  assert.equal((await send("GET", `${roles}/`, token)).status, 401);
  uid = "a";
  await clock.advance(1000);
  assert.equal((await send("GET", `${roles}/`, token)).status, 401);
});

test("A6: a token at once, for any client, even before its pod is known", async (t) => {
  for (const kind of ["unknown", "conflict", "stale"] as const) {
    const send = await start(t, { pods: fakePods({ kind }) });
    assert.equal((await send("PUT", tokenPath, `${ttl}: 21600`)).status, 200);
  }
});

test("B1: 401 for a token that isn't good, in either mode, on every path", async (t) => {
  for (const tokenRequired of [false, true]) {
    const send = await start(t, { tokenRequired });
    const blocked = ["/", "/latest/user-data", "/latest/meta-data/iam/x", "/%00"];
    for (const path of [`${roles}/`, `${roles}/reader`, "/latest/meta-data/mac", ...blocked]) {
      assert.equal((await send("GET", path, "X-aws-ec2-metadata-token: bad")).status, 401);
    }
  }
});

test("B2: without a token 200, or 401 where one is required", async (t) => {
  const optional = await start(t);
  assert.equal((await optional("GET", `${roles}/`)).status, 200);
  const required = await start(t, { tokenRequired: true });
  assert.equal((await required("GET", `${roles}/`)).status, 401);
  assert.equal((await required("GET", "/latest/meta-data/instance-id")).status, 401);
});

test("B3, B4: the token's remaining lifetime; header names in any case; an empty token is none", async (t) => {
  const send = await start(t);
  const token = await tokenFor(send, 300);
  const { status, headers } = await send("GET", `${roles}/`, `x-AWS-ec2-METADATA-token: ${token}`);
  assert.equal(status, 200);
  const left = Number(headers[ttl.toLowerCase()]);
  assert.ok(left > 290 && left <= 300, `${left}`);
  assert.equal((await send("GET", `${roles}/`, "X-aws-ec2-metadata-token:")).status, 200);
});

test("C1, C2, C3: Server, text/plain and a length on every answer of ours", async (t) => {
  const send = await start(t);
  const sends = [
    ["PUT", tokenPath, `${ttl}: 60`],
    ["GET", `${roles}/`],
    ["GET", `${roles}/reader`],
    ["GET", `${roles}/other`],
    ["GET", "/latest/meta-data/iam/info"],
    ["GET", "/latest/meta-data/iam/"],
    ["GET", "/latest/%00"],
    ["PUT", tokenPath],
  ] as const;
  for (const [method, target, ...headers] of sends) {
    const got = await send(method, target, ...headers);
    assert.equal(got.headers["server"], "EC2ws", target);
    assert.equal(got.headers["content-type"], "text/plain", target);
    assert.equal(got.headers["content-length"], String(got.body.length), target);
    assert.equal(got.headers["transfer-encoding"], undefined, target);
  }
});

test("C4, D1, D2: the role's name alone, with and without a slash, no newline", async (t) => {
  const send = await start(t);
  for (const path of [roles, `${roles}/`, `${roles}//`]) {
    assert.deepEqual([(await send("GET", path)).status, (await send("GET", path)).body], [
      200,
      "reader",
    ]);
  }
});

test("D3: latest, 1.0 and every date are versions, nothing else is", async (t) => {
  const send = await start(t);
  for (const version of ["latest", "1.0", "2007-01-19", "2021-07-15", "2099-01-01"]) {
    const path = `/${version}/meta-data/iam/security-credentials/`;
    assert.equal((await send("GET", path)).body, "reader", version);
  }
  for (const version of ["2.0", "v1", "LATEST", "2021-7-15"]) {
    const path = `/${version}/meta-data/iam/security-credentials/`;
    assert.equal((await send("GET", path)).status, 404, version);
  }
});

test("D4: 404 for a pod without a role, at the list and below", async (t) => {
  const send = await start(t, { pods: fakePods({ kind: "pod", pod: samplePods.none }) });
  for (const path of [`${roles}/`, `${roles}/any`, "/latest/meta-data/iam/info"]) {
    assert.equal((await send("GET", path)).status, 404);
  }
});

test("D5: a pod that isn't known waits 900 ms, then 503 with Retry-After", async (t) => {
  const pods = fakePods({ kind: "unknown" });
  const send = await start(t, { pods, clock: new ManualClock() });
  const { status, headers } = await send("GET", `${roles}/`);
  assert.deepEqual([status, headers["retry-after"]], [503, "1"]);
  assert.deepEqual(pods.waits.map(({ ms }) => ms), [900]);
});

test("D6: never an empty 200: the name is served while credentials are pending", async (t) => {
  const send = await start(t, { pods: fakePods({ kind: "pod", pod: samplePods.pending }) });
  assert.equal((await send("GET", `${roles}/`)).body, "reader");
  assert.equal((await send("GET", `${roles}/reader`)).status, 503);
});

test("E1, E2, E3: seven flat strings, dates in whole seconds of UTC", async (t) => {
  const send = await start(t);
  const { body, headers } = await send("GET", `${roles}/reader`);
  assert.equal(headers["content-type"], "text/plain");
  assert.deepEqual(JSON.parse(body), {
    Code: "Success",
    LastUpdated: "2026-01-02T15:04:05Z",
    Type: "AWS-HMAC",
    AccessKeyId: "ASIAEXAMPLE",
    SecretAccessKey: "secret/+",
    Token: "token==",
    Expiration: "2026-01-02T16:04:05Z",
  });
});

test("E4, E5: the names of the pod's own role, else 403 and never keys", async (t) => {
  const send = await start(t);
  const arn = "arn:aws:iam::111122223333:role/team/reader";
  const good = ["reader", "team/reader", "/team/reader", arn, encodeURIComponent(arn), "reader/"];
  for (const name of good) {
    assert.equal((await send("GET", `${roles}/${name}`)).status, 200, name);
  }
  for (const name of ["admin", "Reader", "team", "reader2", arn.replace("reader", "admin")]) {
    const { status, body } = await send("GET", `${roles}/${name}`);
    assert.equal(status, 403, name);
    assert.doesNotMatch(body, /AccessKeyId/);
  }
});

test("E9: instance profile of the role; other documents from the service", async (t) => {
  const send = await start(t);
  const info = JSON.parse((await send("GET", "/latest/meta-data/iam/info")).body);
  assert.equal(info.InstanceProfileArn, "arn:aws:iam::111122223333:instance-profile/team/reader");
  const passed = [
    "/latest/meta-data/instance-id",
    "/latest/meta-data/placement/region",
    "/latest/meta-data/placement/availability-zone/",
    "/latest/dynamic/instance-identity/document",
  ];
  for (const path of passed) assert.equal((await send("GET", path)).body, "UPSTREAM", path);
});

test("F: refusals are one line of text with the reason", async (t) => {
  const send = await start(t, { pods: fakePods({ kind: "pod", pod: samplePods.denied }) });
  for (const path of [`${roles}/`, `${roles}/reader`]) {
    const { status, body } = await send("GET", path);
    assert.deepEqual([status, body], [403, "namespace team permits nothing\n"]);
  }
});

test("G5: the Host has to be ours", async (t) => {
  const send = await start(t, { allowedHosts: ["metadata.internal"] });
  const hosts = [
    ["169.254.169.254:80", 200],
    ["[fd00:ec2::254]", 200],
    ["[FD00:0ec2::254]:80", 200],
    ["127.0.0.1:8181", 200],
    ["metadata.internal", 200],
    ["instance-data", 200],
    ["instance-data.ec2.internal:80", 200],
    ["metadata.internal.evil.example", 400],
    ["10.0.0.1", 400],
  ] as const;
  const port = await serveFront(t, {
    upstreamUrl: "http://127.0.0.1:9",
    options: { allowedHosts: ["metadata.internal"] },
  });
  assert.equal((await send("GET", `${roles}/`)).status, 200);
  for (const [host, status] of hosts) {
    const text = request("GET", `${roles}/`).replace("169.254.169.254", host);
    assert.equal(parsed(await rawExchange(port, text)).status, status, host);
  }
});

/** As `flb_http_client.c` writes it. */
const fluentBit = (method: string, path: string, header: string) =>
  [
    `${method} ${path} HTTP/1.1`,
    "Host: 169.254.169.254:80",
    "Content-Length: 0",
    "User-Agent: aws-fluent-bit-plugin",
    header,
    "Connection: close",
    "",
    "",
  ].join("\r\n");

test("I12: Fluent Bit recognises IMDSv2 by a 401 and gets its credentials, with any --passthrough", async (t) => {
  for (const setting of ["all", "safe", "none"]) {
    const passthrough = passthroughRule(setting, false);
    const port = await serveFront(t, {
      upstreamUrl: "http://127.0.0.1:9",
      options: { passthrough, pods: fakePods({ kind: "pod", pod: ready }) },
    });
    const send = async (...parts: Parameters<typeof fluentBit>) =>
      parsed(await rawExchange(port, fluentBit(...parts)));
    assert.equal((await send("GET", "/", "X-aws-ec2-metadata-token: INVALID")).status, 401);
    const token = (await send("PUT", tokenPath, `${ttl}: 21600`)).body;
    const shown = `X-aws-ec2-metadata-token: ${token}`;
    const role = (await send("GET", `${roles}/`, shown)).body;
    const credentials = await send("GET", `${roles}/${role}`, shown);
    assert.equal(JSON.parse(credentials.body).AccessKeyId, "ASIAEXAMPLE");
  }
});
