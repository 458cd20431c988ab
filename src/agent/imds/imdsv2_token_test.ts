import { test } from "node:test";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { parseTtl, SessionTokens } from "./imdsv2_token.ts";
import { TokenKeyRing } from "./token_keys.ts";

const start = Date.UTC(2026, 0, 1);
const hour = 3600_000;
let made = 0;
const ring = (saved?: string, changed?: (text: string) => void) =>
  new TokenKeyRing({
    saved,
    random: (bytes) => new Uint8Array(bytes).fill(++made),
    ...(changed ? { changed } : {}),
  });

// header, seconds
const ttls = [
  ["1", 1],
  ["10", 10],
  ["21600", 21_600],
  ["000300", 300],
  [undefined, undefined],
  ["", undefined],
  ["0", undefined],
  ["-1", undefined],
  ["21601", undefined],
  ["1.5", undefined],
  ["1e3", undefined],
  ["+5", undefined],
  ["0x10", undefined],
  ["60, 60", undefined],
  ["99999999999999999999", undefined],
] as const;

for (const [header, seconds] of ttls) {
  test(`parseTtl: ${header} is ${seconds}`, () => assert.equal(parseTtl(header), seconds));
}

test("token: valid for its pod and address until it expires; 56 characters in a header", () => {
  const tokens = new SessionTokens(ring());
  const token = tokens.issue("10.0.0.7", "uid-a", 60, start);
  assert.match(token, /^[A-Za-z0-9_-]{56}$/);
  const left = (peer: string, uid: string, at: number) => tokens.secondsLeft(token, peer, uid, at);
  assert.equal(left("10.0.0.7", "uid-a", start), 60);
  assert.equal(left("10.0.0.7", "uid-a", start + 59_001), 1);
  assert.equal(left("10.0.0.7", "uid-a", start + 60_000), undefined);
  assert.equal(left("10.0.0.8", "uid-a", start), undefined);
  assert.equal(left("10.0.0.7", "uid-b", start), undefined);
});

test("token: any changed bit invalidates it", () => {
  const tokens = new SessionTokens(ring());
  const good = Buffer.from(tokens.issue("10.0.0.7", "uid-a", 60, start), "base64url");
  for (let bit = 0; bit < good.length * 8; bit++) {
    const bad = Buffer.from(good);
    bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const text = bad.toString("base64url");
    assert.equal(tokens.secondsLeft(text, "10.0.0.7", "uid-a", start), undefined, `bit ${bit}`);
  }
});

test("token: garbage is refused", () => {
  const tokens = new SessionTokens(ring());
  fc.assert(fc.property(fc.oneof(fc.string(), fc.base64String()), (text) => {
    assert.equal(tokens.secondsLeft(text, "10.0.0.7", "uid-a", start), undefined);
  }));
});

test("token: one issued before its pod was known is the first confirmed pod's, and no later one's", () => {
  const tokens = new SessionTokens(ring());
  const token = tokens.issue("10.0.0.7", undefined, 600, start);
  const left = (uid: string, at: number) => {
    tokens.confirmed("10.0.0.7", uid, at);
    return tokens.secondsLeft(token, "10.0.0.7", uid, at);
  };
  assert.equal(left("uid-a", start + 9000), 591);
  assert.equal(left("uid-b", start + 9500), undefined);
  assert.equal(left("uid-a", start + 99_000), 501);
  const next = tokens.issue("10.0.0.7", undefined, 600, start + 100_000);
  tokens.confirmed("10.0.0.7", "uid-b", start + 101_000);
  assert.equal(tokens.secondsLeft(next, "10.0.0.7", "uid-b", start + 101_000), 599);
  assert.equal(tokens.secondsLeft(next, "10.0.0.7", "uid-a", start + 101_000), undefined);
  assert.equal(left("uid-a", start + 102_000), 498);
  assert.equal(left("uid-b", start + 102_000), undefined);
});

test("token: unusable if its first pod is identified more than ten seconds later", () => {
  const tokens = new SessionTokens(ring());
  const token = tokens.issue("10.0.0.7", undefined, 600, start);
  const late = tokens.issue("10.0.0.7", undefined, 600, start + 5000);
  tokens.confirmed("10.0.0.7", "uid-a", start + 10_001);
  assert.equal(tokens.secondsLeft(token, "10.0.0.7", "uid-a", start + 10_001), undefined);
  assert.equal(tokens.secondsLeft(late, "10.0.0.7", "uid-a", start + 10_001), 595);
});

test("token: during a handover, one that the other agent issued before it knew the pod", () => {
  const keys = ring();
  const other = new SessionTokens(keys);
  const token = other.issue("10.0.0.7", undefined, 600, start);
  const at = (ms: number, ...pods: string[]) => {
    const tokens = new SessionTokens(keys);
    for (const uid of pods) tokens.confirmed("10.0.0.7", uid, start + ms);
    return tokens.secondsLeft(token, "10.0.0.7", pods.at(-1)!, start + ms);
  };
  assert.equal(at(9000, "uid-a"), 591);
  assert.equal(at(10_001, "uid-a"), undefined);
  assert.equal(at(9000, "uid-a", "uid-b"), undefined, "another pod was confirmed first");
  assert.equal(new SessionTokens(keys).secondsLeft(token, "10.0.0.7", "uid-a", start), undefined);
});

test("token: unusable until a pod is confirmed", () => {
  const tokens = new SessionTokens(ring());
  const token = tokens.issue("10.0.0.7", undefined, 600, start);
  assert.equal(tokens.secondsLeft(token, "10.0.0.7", "uid-a", start), undefined);
});

test("keys: a new one every day, and tokens of the old one stay valid", () => {
  const keys = ring();
  const tokens = new SessionTokens(keys);
  const old = tokens.issue("10.0.0.7", "uid-a", 21_600, start);
  const older = tokens.issue("10.0.0.7", "uid-a", 21_600, start + 24 * hour - 1);
  const next = tokens.issue("10.0.0.7", "uid-a", 60, start + 24 * hour);
  assert.notEqual(Buffer.from(older, "base64url")[1], Buffer.from(next, "base64url")[1]);
  const left = (token: string, at: number) => tokens.secondsLeft(token, "10.0.0.7", "uid-a", at);
  assert.equal(left(old, start + 6 * hour - 1), 1);
  assert.equal(left(older, start + 30 * hour - 1001), 1);
  assert.equal(left(next, start + 24 * hour), 60);
});

test("keys: saved keys keep tokens valid across a restart; unreadable ones are replaced", () => {
  let saved = "";
  const tokens = new SessionTokens(ring(undefined, (text) => saved = text));
  const token = tokens.issue("10.0.0.7", "uid-a", 60, start);
  const left = (text: string | undefined) =>
    new SessionTokens(ring(text)).secondsLeft(token, "10.0.0.7", "uid-a", start);
  assert.equal(left(saved), 60);
  for (const text of [undefined, "", "{}", "[{}]", saved.slice(0, -9), "null"]) {
    assert.equal(left(text), undefined);
  }
});

test("keys: 300 rotations reuse IDs and keep few keys", () => {
  let saved = "";
  const keys = ring(undefined, (text) => saved = text);
  for (let day = 0; day < 300; day++) keys.current(start + day * 24 * hour);
  assert.ok(JSON.parse(saved).length <= 3);
});
