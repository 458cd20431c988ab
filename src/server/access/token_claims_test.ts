import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { jwt } from "../../../tests/fakes/jwt.ts";
import { bearerToken, readClaims } from "./token_claims.ts";

const good = { aud: ["rolecall-server"], exp: 1_800_000_000, sub: "system:serviceaccount:a:b" };

test("readClaims() gives audiences, expiry in milliseconds and subject", () => {
  assert.deepEqual(readClaims(jwt(good)), {
    audiences: ["rolecall-server"],
    expiresAt: 1_800_000_000_000,
    subject: "system:serviceaccount:a:b",
  });
});

test("readClaims() takes a single audience as RFC 7519 allows", () => {
  assert.deepEqual(readClaims(jwt({ ...good, aud: "one" }))?.audiences, ["one"]);
});

const [head, body, signature] = jwt(good).split(".");
const malformed = [
  ["nothing", ""],
  ["a word", "token"],
  ["two parts", `${head}.${body}`],
  ["four parts", `${head}.${body}.${signature}.x`],
  ["no signature", `${head}.${body}.`],
  ["a header that isn't JSON", `aGk.${body}.${signature}`],
  ["claims that aren't JSON", `${head}.aGk.${signature}`],
  ["other letters", `${head}.${body}.si+g`],
  ["no expiry", jwt({ aud: good.aud, sub: good.sub })],
  ["expiry as text", jwt({ ...good, exp: "soon" })],
  ["no audience", jwt({ exp: good.exp, sub: good.sub })],
  ["no subject", jwt({ aud: good.aud, exp: good.exp })],
  ["excessive length", jwt({ ...good, more: "x".repeat(9000) })],
] as const;

for (const [name, token] of malformed) {
  test(`readClaims() refuses ${name}`, () => assert.equal(readClaims(token), undefined));
}

test("readClaims() never throws", () => {
  fc.assert(fc.property(fc.string(), fc.string(), (a, b) => {
    readClaims(`${a}.${btoa(encodeURIComponent(b)).replaceAll("=", "")}.x`);
  }));
});

// header, token
const headers = [
  [undefined, undefined],
  ["", undefined],
  ["Bearer ", undefined],
  ["Basic abc", undefined],
  ["Bearer a b", undefined],
  ["Bearer abc", "abc"],
  ["bearer abc", "abc"],
] as const;

for (const [header, token] of headers) {
  test(`bearerToken(${JSON.stringify(header)})`, () => assert.equal(bearerToken(header), token));
}
