import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { codeOf, factsOfError } from "./sts_error.ts";

function sdkError(name: string, status?: number): Error {
  return Object.assign(new Error("text"), { name, $metadata: { httpStatusCode: status } });
}

const refused = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });

// what happened, error, code
const cases = [
  ["throttled under a name of its own", sdkError("BandwidthThrottled", 429), "throttled"],
  ["throttled with status 400", sdkError("ThrottlingException", 400), "throttled"],
  ["failing with a known name", sdkError("InternalFailure", 500), "sts_failing"],
  ["a 3xx", sdkError("Found", 302), "sts_failing"],
  ["403 in words that aren't STS's", sdkError("UnknownError", 403), "sts_failing"],
  ["an answer that can't be read", sdkError("SyntaxError", 200), "sts_failing"],
  ["denied", sdkError("AccessDenied", 403), "access_denied"],
  ["a 4xx not known here", sdkError("SomethingNew", 400), "rejected"],
  ["a name that objects inherit", sdkError("constructor", 400), "rejected"],
  ["the clock is wrong", sdkError("RequestExpired", 400), "server_credentials"],
  ["the clock is fast", sdkError("RequestInTheFuture", 403), "server_credentials"],
  ["the clock is slow", sdkError("RequestTimeTooSkewed", 403), "server_credentials"],
  ["throttled by the SDK's list", sdkError("LimitExceededException", 400), "throttled"],
  ["denied under its other name", sdkError("AccessDeniedException", 403), "access_denied"],
  ["no credentials in the chain", sdkError("CredentialsProviderError"), "server_credentials"],
  ["refused", refused, "unreachable"],
  ["time-out", sdkError("TimeoutError"), "unreachable"],
  ["no error at all", "boom", "unreachable"],
] as const;

for (const [name, error, code] of cases) {
  test(`codeOf() ${name}: ${code}`, () => assert.equal(codeOf(factsOfError(error)), code));
}

test("factsOfError() names a system error by its code and keeps no text", () => {
  const facts = { name: "ECONNREFUSED", status: undefined, requestId: undefined };
  assert.deepEqual(factsOfError(refused), facts);
});

test("factsOfError() and codeOf() take anything", () => {
  fc.assert(fc.property(fc.anything(), (error) => {
    assert.equal(typeof codeOf(factsOfError(error)), "string");
  }));
});
