/** Attacks on the front as bytes on a socket: what each is answered, and that none gets through. */
import { after, before, test, type TestContext } from "node:test";
import assert from "node:assert/strict";
import { rawClient, rawExchange } from "../../fakes/raw_client.ts";
import { serveFront } from "./served_front.ts";
import { type StrictUpstream, strictUpstream } from "./strict_upstream.ts";

let upstream: StrictUpstream;
let port: number;
const endings: (() => unknown)[] = [];
before(async () => {
  upstream = await strictUpstream();
  const forAll = {
    after: (run: () => unknown) => void endings.push(run),
  } as unknown as TestContext;
  port = await serveFront(forAll, { upstreamUrl: upstream.url });
});
after(async () => {
  for (const end of endings) await end();
  upstream.close();
});

const host = "Host: 169.254.169.254\r\n";
const end = "Connection: close\r\n\r\n";
const open = "/latest/meta-data/profile";
const roles = "/latest/meta-data/iam/security-credentials/";
const get = (target: string, headers = "") => `GET ${target} HTTP/1.1\r\n${host}${headers}${end}`;
const put = (target: string, headers = "") =>
  `PUT ${target} HTTP/1.1\r\n${host}X-aws-ec2-metadata-token-ttl-seconds: 60\r\n${headers}${end}`;
const hosted = (name: string, target = roles) => `GET ${target} HTTP/1.1\r\nHost:${name}\r\n${end}`;

/** Statuses of all answers that came back. */
function statuses(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
}

// what, bytes, statuses of the answers, requests that reach the metadata service
const attacks: readonly (readonly [string, string, readonly number[], number])[] = [
  ["doubled slashes", get("//latest///meta-data//iam//info"), [200], 0],
  ["doubled slashes, passed on", get("//latest//meta-data//profile"), [200], 1],
  ["encoded slash", get("/latest/meta-data%2fiam/"), [400], 0],
  ["encoded slash behind the role list", get(`${roles}..%2f..%2finfo`), [400], 0],
  ["twice encoded", get("/latest/meta-data/%2569am/"), [400], 0],
  ["twice encoded slash", get("/latest/meta-data%252fiam/"), [400], 0],
  ["a letter encoded", get("/latest/meta-data/%69am/"), [404], 0],
  ["dot segments", get("/latest/./meta-data/x/../iam/"), [404], 0],
  ["encoded dots", get("/latest/%2e/meta-data/x/%2E%2e/iam/"), [404], 0],
  ["dots with a parameter", get("/latest/meta-data/x/..;/iam/"), [400], 0],
  ["above the root", get("/../latest/meta-data/profile"), [400], 0],
  ["dots at the end", get(`${roles}..`), [404], 0],
  ["out of the roles", get(`${roles}reader/../../../profile`), [200], 1],
  ["upper case", get("/latest/META-DATA/IAM/security-credentials/"), [404], 0],
  ["upper case version", get("/LATEST/meta-data/iam/security-credentials/"), [404], 0],
  ["1.0", get("/1.0/meta-data/iam/security-credentials/"), [200], 0],
  ["an old date", get("/2007-01-19/meta-data/iam/security-credentials/"), [200], 0],
  ["a date to come", get("/2099-12-31/meta-data/iam/security-credentials/"), [200], 0],
  ["no version", get("/meta-data/iam/security-credentials/"), [404], 0],
  ["another version", get("/v2/meta-data/iam/security-credentials/"), [404], 0],
  ["matrix parameters", get("/latest/meta-data;v=1/iam/"), [400], 0],
  ["NUL", get("/latest/meta-data/iam%00/"), [400], 0],
  ["raw NUL", get("/latest/meta-data/iam\0/"), [400], 0],
  ["tab", get("/latest/meta-data/\tiam/"), [400], 0],
  ["encoded line end", get("/latest/meta-data/%0d%0aiam/"), [400], 0],
  ["overlong UTF-8", get("/latest/meta-data%c0%afiam/"), [400], 0],
  ["raw overlong UTF-8", get("/latest/meta-data\xc0\xafiam/"), [400], 0],
  ["fullwidth slash", get("/latest/meta-data\xef\xbc\x8fiam/"), [400], 0],
  ["%u", get("/latest/meta-data/%u0069am/"), [400], 0],
  ["backslash", get("/latest/meta-data\\iam/"), [400], 0],
  ["fragment", get(`${open}#/../iam/`), [400], 0],
  ["query", get(`${open}?/../iam/security-credentials/`), [200], 1],
  ["absolute form", get(`http://169.254.169.254${roles}`), [400], 0],
  ["absolute form elsewhere", get("http://evil.example/latest/"), [400], 0],
  ["asterisk", `OPTIONS * HTTP/1.1\r\n${host}${end}`, [400], 0],
  ["security-credentials-extended", get("/latest/meta-data/iam/security-credentials-extended/"), [
    404,
  ], 0],
  [
    "identity credentials",
    get("/latest/meta-data/identity-credentials/ec2/security-credentials/ec2-instance"),
    [404],
    0,
  ],
  ["user data", get("/latest/user-data"), [404], 0],
  ["user data in capitals", get("/latest/USER-DATA/"), [404], 0],
  ["another's role", get(`${roles}admin`), [403], 0],
  ["no Host", `GET ${open} HTTP/1.1\r\n${end}`, [400], 0],
  ["no Host in HTTP/1.0", `GET ${roles} HTTP/1.0\r\n\r\n`, [200], 0],
  ["two Hosts", `GET ${roles} HTTP/1.1\r\n${host}Host: localhost\r\n${end}`, [400], 0],
  ["a foreign Host", hosted(" evil.example"), [400], 0],
  ["a foreign Host in HTTP/1.0", `GET ${roles} HTTP/1.0\r\nHost: evil.example\r\n\r\n`, [400], 0],
  ["an empty Host", hosted(""), [400], 0],
  ["Host with a path", hosted(" 169.254.169.254/latest/meta-data/iam?", "/x"), [400], 0],
  ["Host with a user", hosted(" evil@169.254.169.254"), [400], 0],
  ["Host with two ports", hosted(" 169.254.169.254:80:80"), [400], 0],
  ["Host in decimal", hosted(" 2852039166"), [400], 0],
  ["a list of Hosts", hosted(" 169.254.169.254, evil.example"), [400], 0],
  [
    "length and chunks",
    `GET ${open} HTTP/1.1\r\n${host}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${
      get(roles)
    }`,
    [400],
    0,
  ],
  [
    "two lengths",
    `GET ${open} HTTP/1.1\r\n${host}Content-Length: 0\r\nContent-Length: 5\r\n\r\nGET /`,
    [400],
    0,
  ],
  ["a list of lengths", get(open, "Content-Length: 0, 0\r\n"), [400], 0],
  ["a signed length", get(open, "Content-Length: +0\r\n"), [400], 0],
  ["a hexadecimal length", get(open, "Content-Length: 0x1\r\n"), [400], 0],
  ["a coding that isn't chunked", get(roles, "Transfer-Encoding: xchunked\r\n"), [400], 0],
  ["chunked twice", get(open, "Transfer-Encoding: chunked, chunked\r\n"), [400], 0],
  ["obs-fold", get(open, "A: b\r\n c\r\n"), [400], 0],
  ["space before the colon", get(open, "A : b\r\n"), [400], 0],
  ["a header without a colon", get(open, "A\r\n"), [400], 0],
  ["bare line feeds", `GET ${open} HTTP/1.1\nHost: localhost\n\n`, [400], 0],
  ["a bare carriage return", get(open, "A: b\rC: d\r\n"), [400], 0],
  ["HTTP/0.9", `GET ${open}\r\n\r\n`, [505], 0],
  ["HTTP/2.0 by name", `GET ${open} HTTP/2.0\r\n${host}${end}`, [505], 0],
  ["h2c with prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400], 0],
  [
    "h2c by upgrade",
    get(open, "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nConnection: Upgrade\r\n"),
    [
      400,
    ],
    0,
  ],
  [
    "websocket",
    `GET ${open} HTTP/1.1\r\n${host}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n`,
    [400],
    0,
  ],
  ["CONNECT", "CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: 169.254.169.254:80\r\n\r\n", [405], 0],
  ["TRACE", `TRACE ${open} HTTP/1.1\r\n${host}${end}`, [405], 0],
  ["POST", `POST ${roles} HTTP/1.1\r\n${host}Content-Length: 0\r\n${end}`, [405], 0],
  ["DELETE", `DELETE ${open} HTTP/1.1\r\n${host}${end}`, [405], 0],
  ["a method in small letters", `get ${open} HTTP/1.1\r\n${host}${end}`, [400], 0],
  ["huge header", get(open, `A: ${"a".repeat(20_000)}\r\n`), [431], 0],
  ["huge target", get(`/${"a".repeat(20_000)}`), [431], 0],
  ["long target", get(`/${"a".repeat(4000)}`), [400], 0],
  ["Range on credentials", get(`${roles}reader`, "Range: bytes=0-3\r\n"), [200], 0],
  ["Expect", get(roles, "Expect: 100-continue\r\n"), [100, 200], 0],
  ["an unheard-of expectation", get(roles, "Expect: junk\r\n"), [417], 0],
  [
    "pipelined",
    `GET ${open} HTTP/1.1\r\n${host}\r\nGET ${roles} HTTP/1.1\r\n${host}\r\n${get(open)}`,
    [200, 200, 200],
    2,
  ],
  [
    "a request in another's body",
    `GET ${open} HTTP/1.1\r\n${host}Content-Length: ${get("/latest/user-data").length}\r\n${end}${
      get("/latest/user-data")
    }`,
    [200],
    1,
  ],
  ["token to be forgotten on the way", get(open, "Connection: x-aws-ec2-metadata-token\r\n"), [
    200,
  ], 1],
  ["X-Forwarded-For on PUT", put("/latest/api/token", "X-Forwarded-For: 1.2.3.4\r\n"), [403], 0],
  ["token at another version", put("/1.0/api/token"), [404], 0],
  ["token read", get("/latest/api/token"), [405], 0],
  ["a token of nobody", get(roles, "X-aws-ec2-metadata-token: eA==\r\n"), [401], 0],
];

for (const [what, bytes, expected, passed] of attacks) {
  test(`attack: ${what}: ${expected.join(", ")}`, async () => {
    upstream.asked.length = 0;
    const answer = await finished(bytes);
    assert.deepEqual(statuses(answer), expected, answer);
    assert.deepEqual(upstream.objections, []);
    assert.equal(upstream.asked.length, passed);
  });
}

/** All that comes back; the attacker closes its own side once the answer is there. */
async function finished(bytes: string): Promise<string> {
  const client = await rawClient(port);
  client.send(bytes);
  await client.until((text) => text.includes("\r\n\r\n"));
  client.socket.end();
  const answer = await client.closed;
  client.socket.destroy();
  return answer;
}

test("attack: none of it ends the front", async () => {
  assert.match(await rawExchange(port, get(roles)), /\r\n\r\nreader$/);
});
