/** Hostile spellings against a service that understands too much: none may reach what is closed. */
import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { fakeIncoming } from "../../tests/fakes/incoming.ts";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import { fakePods, samplePods } from "../../tests/fakes/pods.ts";
import { createFront } from "./front.ts";
import { passthroughRule } from "./passthrough_rule.ts";
import { TokenKeyRing } from "./token_keys.ts";

/** Every path that some lenient server might take this one for. */
function readings(path: string): string[] {
  const found = [path];
  for (let text = path, i = 0; i < 5; i++) {
    text = text.replace(
      /%u00([0-9a-f]{2})|%([0-9a-f]{2})/gi,
      (_all, a, b) => String.fromCharCode(parseInt(a ?? b, 16)),
    );
    found.push(text, text.replaceAll("\\", "/"), text.replace(/;[^/]*/g, ""));
    found.push(text.replace(/[?#].*$/s, ""), text.replace(/\0.*$/s, ""));
    found.push(text.replace(/[\s\p{Cc}]/gu, ""), text.normalize("NFKC"));
    found.push(text.replace(/^\w+:\/\/[^/]*/, ""));
  }
  return found.map((text) => collapse(text.toLowerCase()));
}

function collapse(text: string): string {
  const kept: string[] = [];
  for (const segment of text.split("/")) {
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(segment);
  }
  return `/${kept.join("/")}`;
}

const closed = /^\/[^/]+\/(meta-data\/(iam|identity-credentials)|api\/token|user-data)(\/|$)/;

function strictFront(setting: string) {
  const reached: string[] = [];
  const front = createFront({
    pods: fakePods({ kind: "pod", pod: samplePods.ready }),
    clock: new ManualClock(),
    upstream: ({ path }) => {
      reached.push(path);
      const leak = readings(path).find((reading) => closed.test(reading));
      assert.equal(leak, undefined, `${path} read as ${leak}`);
      return Promise.resolve(new Response("upstream"));
    },
    tokenKeys: new TokenKeyRing({ random: (bytes) => new Uint8Array(bytes) }),
    allowedHosts: [],
    passthrough: passthroughRule(setting, false),
    tokenRequired: false,
    podRate: 0,
  });
  return { front, reached };
}

const separators = [
  "/",
  "//",
  "/./",
  "/x/../",
  "/%2e/",
  "/x/%2e%2e/",
  "/x/.%2E/",
  "%2f",
  "%2F",
  "%252f",
  "\\",
  "%5c",
  "/;/",
  "/;a=b/",
  "%c0%af",
  "%ef%bc%8f",
  "／",
  "/%00/",
  "/%20",
  "%09/",
  "/%0d%0a/",
  "?",
  "#",
  "/..;/",
];
const words = [
  "latest",
  "meta-data",
  "iam",
  "security-credentials",
  "identity-credentials",
  "ec2",
  "api",
  "token",
  "user-data",
  "info",
  "reader",
  "dynamic",
  "1.0",
  "2021-01-03",
  "x",
  "",
  "instance-id",
];

/** A word as it is, or disguised: another case, letters encoded once or twice, something behind it. */
const disguise: ((word: string) => string)[] = [
  (word) => word,
  (word) => word,
  (word) => word.toUpperCase(),
  (word) => word.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
  (word) => word.replace(/[a-z]/, (letter) => `%25${letter.charCodeAt(0).toString(16)}`),
  (word) => word.replace(/[a-z]/, (letter) => letter.toUpperCase()),
  (word) => word.replace(/i/, "\u0131"),
  (word) => `${word};x`,
  (word) => `${word}%00`,
  (word) => `${word}.`,
];

const word = fc.tuple(fc.constantFrom(...words), fc.constantFrom(...disguise))
  .map(([text, change]) => change(text));
const separator = fc.oneof(
  { weight: 3, arbitrary: fc.constant("/") },
  { weight: 1, arbitrary: fc.constantFrom(...separators) },
);
const known = fc.constantFrom(
  ["latest", "meta-data", "iam", "security-credentials", "reader"],
  ["latest", "meta-data", "identity-credentials", "ec2", "security-credentials", "ec2-instance"],
  ["latest", "api", "token"],
  ["latest", "user-data"],
  ["latest", "meta-data", "iam"],
);
const disguised = (part: string) =>
  fc.tuple(separator, fc.constantFrom(...disguise)).map(([before, change]) =>
    before + change(part)
  );
const disguisedKnown = known.chain((parts) =>
  fc.tuple(...parts.map(disguised)).map((all) => all.join(""))
);
const random = fc.array(fc.tuple(separator, word), { maxLength: 8 })
  .map((parts) => parts.flat().join(""));
const prefix = fc.constantFrom("", "", "", "/", "http://169.254.169.254", "http://evil/", "/x/..");
const target = fc.tuple(prefix, fc.oneof(disguisedKnown, random), fc.constantFrom("", "/", "?a=/b"))
  .map((parts) => parts.join(""));
const method = fc.constantFrom("GET", "GET", "GET", "HEAD", "PUT", "POST");

for (const setting of ["all", ".*"]) {
  test(`front: with --passthrough=${setting} no spelling reaches what is closed`, async () => {
    const { front, reached } = strictFront(setting);
    await fc.assert(
      fc.asyncProperty(method, target, async (verb, text) => {
        const answer = await front(fakeIncoming({ method: verb, target: text }));
        assert.ok([200, 400, 403, 404, 405].includes(answer.status), `${answer.status}`);
      }),
      { numRuns: 4000 },
    );
    assert.ok(reached.length > 50, "the grammar has to get some requests through");
  });
}

test("front: nothing at all is passed on with --passthrough=none", async () => {
  const { front, reached } = strictFront("none");
  await fc.assert(fc.asyncProperty(target, async (text) => {
    await front(fakeIncoming({ target: text }));
  }));
  assert.deepEqual(reached, []);
});
