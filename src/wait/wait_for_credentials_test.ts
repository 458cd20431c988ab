import { test } from "node:test";
import assert from "node:assert/strict";
import { ManualClock } from "../../tests/fakes/manual_clock.ts";
import { waitForCredentials } from "./wait_for_credentials.ts";

const document = JSON.stringify({ Code: "Success", Expiration: "2026-01-01T01:00:00Z" });

type Service = (method: string, path: string) => readonly [status: number, text: string];

/** Runs against a service, on a clock that moves; the requests it got, and what was said meanwhile. */
async function waited(service: Service, timeoutMs = 10_000) {
  const clock = new ManualClock();
  const requests: string[] = [];
  const reasons: string[] = [];
  const running = waitForCredentials({
    fetch: (url, { method, headers, signal }) => {
      const path = url.replace("http://imds", "");
      requests.push(`${method} ${path} ${headers["X-aws-ec2-metadata-token"] ?? ""}`.trim());
      const [status, text] = service(method, path);
      if (status !== 0) return Promise.resolve(new Response(text, { status }));
      return new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason))
      );
    },
    endpoint: "http://imds",
    clock,
    timeoutMs,
    waiting: (reason) => reasons.push(reason),
  });
  await clock.advance(timeoutMs + 5000);
  return { outcome: await running, requests, reasons, left: clock.pending() };
}

const served: Service = (method, path) => {
  if (method === "PUT") return [200, "token"];
  return path.endsWith("/cart") ? [200, document] : [200, "cart"];
};

test("waitForCredentials() sends an SDK's requests and returns role and expiry", async () => {
  const { outcome, requests, reasons } = await waited(served);
  assert.deepEqual(outcome, {
    kind: "credentials",
    role: "cart",
    expiration: "2026-01-01T01:00:00Z",
  });
  assert.deepEqual(requests, [
    "PUT /latest/api/token",
    "GET /latest/meta-data/iam/security-credentials/ token",
    "GET /latest/meta-data/iam/security-credentials/cart token",
  ]);
  assert.deepEqual(reasons, []);
});

test("waitForCredentials() continues without a token if there is no IMDSv2", async () => {
  const { outcome, requests } = await waited((method, path) =>
    method === "PUT" ? [404, "not found"] : served(method, path)
  );
  assert.equal(outcome.kind, "credentials");
  assert.ok(requests.every((request) => !request.endsWith(" token")));
});

// status and text of the list, the outcome
const final = [
  [404, "this pod has no role\n", "this pod has no role"],
  [403, "namespace plain: permitted is missing\n", "namespace plain: permitted is missing"],
] as const;

for (const [status, text, reason] of final) {
  test(`waitForCredentials() ${status}: refused, at once`, async () => {
    const { outcome, requests } = await waited((method) =>
      method === "PUT" ? [200, "token"] : [status, text]
    );
    assert.deepEqual(outcome, { kind: "refused", reason });
    assert.equal(requests.length, 2);
  });
}

test("waitForCredentials() retries 503, silence and odd documents until it succeeds", async () => {
  let attempt = 0;
  const answers: readonly (readonly [number, string])[] = [
    [503, "no pod is known at this address yet; retry\n"],
    [503, "no pod is known at this address yet; retry\n"],
    [0, ""],
    [200, "<html>"],
    [200, '{"Code":"Failed"}'],
    [200, document],
  ];
  const { outcome, reasons, left } = await waited((method, path) => {
    if (!path.endsWith("/cart")) return served(method, path);
    return answers[attempt++]!;
  });
  assert.equal(outcome.kind, "credentials");
  assert.deepEqual(reasons, [
    "no pod is known at this address yet; retry",
    "http://imds can't be reached: no answer within 1 s",
    "the credentials document is not JSON",
    "the credentials document says Code Failed",
  ]);
  assert.equal(left, 0);
});

test("waitForCredentials() ends in time, with the last reason", async () => {
  const { outcome, left } = await waited(() => [503, "no server"], 3000);
  assert.deepEqual(outcome, { kind: "timeout", reason: "no server" });
  assert.equal(left, 0);
});
