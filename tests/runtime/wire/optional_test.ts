/**
 * What RFC 9110 and 9112 let a client send and a server ignore, over raw sockets: nothing of it may
 * be refused, by any listener. SDKs never recover from a 400 to their token request. The letters are
 * those of docs/wire.md.
 */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { Hono } from "hono";
import { createCredentialsFront } from "../../../src/agent/container_credentials/front.ts";
import { createImdsFront } from "../../../src/agent/imds/front.ts";
import { passthroughRule } from "../../../src/agent/imds/passthrough_rule.ts";
import { TokenKeyRing } from "../../../src/agent/imds/token_keys.ts";
import { listen } from "../../../src/runtime/http/listener.ts";
import type { Handler, Listener } from "../../../src/runtime/http/types.ts";
import { webHandler } from "../../../src/runtime/http/web_handler.ts";
import { systemClock } from "../../../src/time/system_clock.ts";
import { fakePods, samplePods } from "../../fakes/pods.ts";
import { testCertificate } from "../../fakes/test_certificate.ts";
import { patientLimits } from "../../fakes/listen_limits.ts";

const pod = { kind: "pod", pod: samplePods.ready } as const;
const imds = createImdsFront({
  pods: fakePods(pod),
  clock: systemClock,
  upstream: () => Promise.reject(new Error("nothing is passed through here")),
  tokenKeys: new TokenKeyRing({ random: (bytes) => new Uint8Array(bytes) }),
  allowedHosts: [],
  passthrough: passthroughRule("none", false),
  tokenRequired: false,
  podRate: 0,
});
const credentials = createCredentialsFront({
  pods: { findUid: () => pod, waitForUid: () => Promise.resolve(pod) },
  podOfToken: () => Promise.resolve({ kind: "pod", uid: "uid-a" }),
  clock: systemClock,
  addresses: [{ host: "127.0.0.1" }],
  podRate: 0,
});
const pages = new Hono().get("/livez", (c) => c.text("ok\n"));

const roles = "/latest/meta-data/iam/security-credentials/";
const token = "/latest/api/token";
const ttl = "X-aws-ec2-metadata-token-ttl-seconds: 60\r\n";
const certificate = await testCertificate("localhost");

/** A header that the fast path leaves to node:http. */
const odd = "X-Odd:\tto node:http\r\n";

interface Target {
  readonly name: string;
  readonly handler: Handler;
  readonly method: string;
  readonly path: string;
  /** What the request needs, whatever is added to it. */
  readonly headers: string;
  readonly tls?: true;
}

const targets: readonly Target[] = [
  { name: "token", handler: imds.answer, method: "PUT", path: token, headers: ttl },
  {
    name: "token, node:http",
    handler: imds.answer,
    method: "PUT",
    path: token,
    headers: ttl + odd,
  },
  { name: "roles", handler: imds.answer, method: "GET", path: roles, headers: "" },
  { name: "roles, node:http", handler: imds.answer, method: "GET", path: roles, headers: odd },
  {
    name: "container credentials",
    handler: credentials.answer,
    method: "GET",
    path: "/v1/credentials",
    headers: "Authorization: x\r\n",
  },
  { name: "pages", handler: webHandler(pages.fetch), method: "GET", path: "/livez", headers: "" },
  {
    name: "TLS",
    handler: webHandler(pages.fetch),
    method: "GET",
    path: "/livez",
    headers: "",
    tls: true,
  },
];

const open = new Map<Target, Listener>();
before(async () => {
  for (const target of targets) {
    const { handler, tls } = target;
    const options = { host: "127.0.0.1", port: 0, handler, limits: patientLimits };
    open.set(target, await listen(tls ? { ...options, tls: certificate } : options));
  }
});
after(() => Promise.all([...open.values()].map((listener) => listener.close(0))));

/** Sends the pieces one after the other, and gives all that comes back until the connection ends. */
async function exchange(target: Target, pieces: readonly string[]): Promise<string> {
  const at = { port: open.get(target)!.port, host: "127.0.0.1" };
  const socket: Socket = target.tls
    ? connectTls({ ...at, ca: certificate.ca, servername: "localhost" })
    : connectTcp(at);
  let arrived = "";
  socket.on("data", (bytes) => arrived += bytes.toString("latin1"));
  socket.on("error", () => {});
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.setNoDelay(true);
  for (const piece of pieces) {
    await new Promise<void>((resolve) => socket.write(piece, "latin1", () => resolve()));
  }
  await closed;
  return arrived;
}

const statusesOf = (text: string) =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));

const host = "Host: 127.0.0.1\r\n";
const request = ({ method, path, headers }: Target, more: string, version = "1.1") =>
  `${method} ${path} HTTP/${version}\r\n${host}${headers}${more}\r\n`;
const last = "Connection: close\r\n";

// letter, what the client adds to a request, the lines
const headers: readonly (readonly [string, string, string])[] = [
  [
    "I1",
    "h2c, as the JDK's HttpClient",
    "Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\nUpgrade: h2c\r\n",
  ],
  [
    "I1",
    "TLS/1.2, as Apache HttpClient 5",
    "Connection: keep-alive\r\nUpgrade: TLS/1.2\r\nConnection: Upgrade\r\n",
  ],
  [
    "I1",
    "websocket",
    "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
  ],
  ["I1", "several protocols", "Connection: upgrade\r\nUpgrade: HTTP/2.0, SHTTP/1.3, IRC/6.9\r\n"],
  ["I1", "Upgrade that Connection doesn't name", "Upgrade: h2c\r\n"],
  ["I1", "Connection: Upgrade alone", "Connection: Upgrade\r\n"],
  ["I2", "Expect: 100-continue without a body", "Expect: 100-continue\r\n"],
  ["I2", "an empty Expect", "Expect:\r\n"],
  ["I2", "an unknown expectation", "Expect: something-else\r\n"],
  ["I3", "TE", "Connection: TE\r\nTE: trailers, deflate;q=0.5\r\n"],
  ["I3", "an empty TE", "TE:\r\n"],
  ["I3", "Trailer", "Trailer: Expires\r\n"],
  [
    "I4",
    "connection options",
    "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n",
  ],
  ["I4", "an empty Connection", "Connection:\r\n"],
  ["I4", "two Connections", "Connection: keep-alive\r\nConnection: TE\r\n"],
  ["I4", "Proxy-Connection", "Proxy-Connection: keep-alive\r\n"],
  [
    "I5",
    "conditions",
    'If-None-Match: "x", *\r\nIf-Modified-Since: Sat, 29 Oct 1994 19:43:31 GMT\r\nIf-Match: *\r\n',
  ],
  ["I5", "a range", 'Range: bytes=0-3, -1\r\nIf-Range: "x"\r\n'],
  [
    "I5",
    "preferences",
    "Accept: */*;q=0.1\r\nAccept-Charset:\r\nAccept-Encoding: gzip, br;q=0\r\nAccept-Language: de\r\nPrefer: wait=1\r\n",
  ],
  [
    "I5",
    "controls",
    "Cache-Control: no-cache\r\nPragma: no-cache\r\nMax-Forwards: 0\r\nDate: x\r\nPriority: u=1\r\n",
  ],
  [
    "I5",
    "who sends it",
    "From: a@b\r\nReferer: http://a/\r\nOrigin: null\r\nUser-Agent:\r\nVia: 1.0 a\r\nCookie: a=b\r\nForwarded: for=10.0.0.9\r\n",
  ],
  ["I6", "an empty header", "X-Empty:\r\nX-Blank:   \t \r\n"],
  ["I6", "blanks and tabs around a value", "X-Blanks: \t a \tb\t \r\n"],
  ["I6", "bytes beyond ASCII in a value", "X-Text: caf\xe9 \xf0\x9f\x98\x80\r\n"],
  ["I6", "every character of a name", "!#$%&'*+.^_`|~09azAZ-: 1\r\n"],
  ["I6", "a hundred headers", Array.from({ length: 100 }, (_, i) => `X-${i}: ${i}\r\n`).join("")],
  ["I6", "a header of 8 KiB", `X-Long: ${"a".repeat(8192)}\r\n`],
  ["I6", "the same header twice", "X-Twice: 1\r\nx-twice: 2\r\n"],
];

// letter, what, the request's headers and whatever follows them
const framings: readonly (readonly [string, string, (target: Target) => readonly string[]])[] = [
  ["I7", "Content-Length: 0", (to) => [request(to, `Content-Length: 0\r\n${last}`)]],
  ["I7", "a body of known length", (to) => [request(to, `Content-Length: 5\r\n${last}`) + "hello"]],
  [
    "I7",
    "a body that comes later",
    (to) => [request(to, `Content-Type: text/plain\r\nContent-Length: 5\r\n${last}`), "he", "llo"],
  ],
  [
    "I7",
    "chunks with an extension and a trailer",
    (to) => [
      request(to, `Transfer-Encoding: Chunked\r\nTrailer: X\r\n${last}`) +
      "5;a=b\r\nhello\r\n0\r\nX: 1\r\n\r\n",
    ],
  ],
  [
    "I7",
    "no chunk at all",
    (to) => [request(to, `Transfer-Encoding: chunked\r\n${last}`) + "0\r\n\r\n"],
  ],
  ["I8", "an empty line before the request", (to) => [`\r\n${request(to, last)}`]],
  ["I8", "a byte at a time", (to) => [...request(to, last)]],
  ["I9", "HTTP/1.0", (to) => [request(to, "", "1.0")]],
  ["I9", "HTTP/1.0 that would keep the connection", (to) => [request(to, last, "1.0")]],
];

for (const target of targets) {
  const what = (letter: string, name: string) => `${letter}: ${target.name}: ${name}`;

  for (const [letter, name, lines] of headers) {
    test(what(letter, name), async () => {
      const answer = await exchange(target, [request(target, lines + last)]);
      assert.deepEqual(statusesOf(answer), [200], answer);
    });
  }

  for (const [letter, name, piecesFor] of framings) {
    test(what(letter, name), async () => {
      const answer = await exchange(target, piecesFor(target));
      assert.deepEqual(statusesOf(answer), [200], answer);
    });
  }

  test(what("I1", "after an offer to upgrade, the next request is answered"), async () => {
    const offer = "Connection: Upgrade\r\nUpgrade: h2c\r\n";
    const alone = await exchange(target, [request(target, offer + "X: 1\r\n" + last)]);
    const first = await exchange(target, [request(target, offer), request(target, last)]);
    // A server may also end the connection; what it must not do is answer another request's bytes.
    const ended = /\r\nConnection: close\r\n/i.test(first.slice(0, first.indexOf("\r\n\r\n")));
    assert.deepEqual(statusesOf(first), ended ? [200] : [200, 200], first);
    assert.deepEqual(statusesOf(alone), [200]);
  });

  test(what("I2", "Expect: 100-continue with a body gets 100, then the answer"), async () => {
    const expecting = request(target, `Expect: 100-continue\r\nContent-Length: 5\r\n${last}`);
    const answer = await exchange(target, [expecting, "hello"]);
    assert.deepEqual(statusesOf(answer), [100, 200], answer);
  });

  test(what("I8", "requests sent ahead are answered in their order"), async () => {
    const answer = await exchange(target, [request(target, "") + request(target, last)]);
    assert.deepEqual(statusesOf(answer), [200, 200], answer);
  });

  // The TLS port represents a server's listener for agents, which hand-written scripts don't use.
  if (!target.tls) {
    for (
      const [name, lines] of [
        ["bare line feeds", request(target, last).replaceAll("\r\n", "\n")],
        [
          "bare line feeds, as `echo -e` ends them",
          request(target, last).replaceAll("\r", "") + "\n",
        ],
        ["bare line feeds in HTTP/1.0", request(target, "", "1.0").replaceAll("\r\n", "\n")],
        ["one bare line feed", request(target, last).replace("\r\n", "\n")],
        ["a length of 0 beside them", request(target, `Content-Length: 0\n${last}`)],
        ["a folded line", request(target, `X-Folded: a\r\n b\r\n\tc\r\n${last}`)],
      ] as const
    ) {
      test(what("I13", name), async () => {
        const answer = await exchange(target, [lines]);
        assert.deepEqual(statusesOf(answer), [200], answer);
      });
    }
  }

  test(what("I8", "what follows a last request gets no answer"), async () => {
    for (const more of ["", "Content-Length: 1\r\n"]) {
      const answer = await exchange(target, [request(target, more + last) + "xyz\r\n\r\n"]);
      assert.deepEqual(statusesOf(answer), [200], answer);
    }
  });

  for (const method of ["OPTIONS", "POST", "PATCH", "DELETE", "QUERY", "PROPFIND"]) {
    test(what("I10", `${method} gets no 400`), async () => {
      const answer = await exchange(target, [request({ ...target, method }, last)]);
      assert.deepEqual(statusesOf(answer).map((status) => status === 404 || status === 405), [
        true,
      ]);
    });
  }
}
