import { test } from "node:test";
import assert from "node:assert/strict";
import { createFakeImds } from "./fake_imds.ts";

function imds() {
  const clock = { now: Date.UTC(2026, 0, 1) };
  let count = 0;
  const answer = createFakeImds({
    now: () => clock.now,
    newToken: () => `token-${count++}`,
    region: "eu-west-1",
    accountId: "123456789012",
  });
  const send = (path: string, init: RequestInit = {}) =>
    answer(new Request(`http://imds.test${path}`, init));
  return { clock, send };
}

const ttl = "x-aws-ec2-metadata-token-ttl-seconds";

async function tokenOf(send: ReturnType<typeof imds>["send"], seconds = "60"): Promise<string> {
  return await send("/latest/api/token", { method: "PUT", headers: { [ttl]: seconds } }).text();
}

// path, text
const documents = [
  ["/latest/meta-data/instance-id", "i-0de7de7de7de7de70"],
  ["/2021-01-03/meta-data/placement/availability-zone/", "eu-west-1a"],
  ["/1.0/meta-data/placement/", "availability-zone\nregion"],
  ["/latest/meta-data/iam/security-credentials/", "THE-NODES-OWN-ROLE"],
  ["/latest", "dynamic/\nmeta-data/\nuser-data"],
] as const;

for (const [path, text] of documents) {
  test(`IMDS GET ${path}`, async () => {
    const { send } = imds();
    const headers = { "x-aws-ec2-metadata-token": await tokenOf(send) };
    const response = send(path, { headers });
    assert.equal(response.headers.get("server"), "EC2ws");
    assert.equal(await response.text(), text);
  });
}

test("IMDS serves the identity document, and the node's own keys to anyone who reaches it", async () => {
  const { send } = imds();
  const headers = { "x-aws-ec2-metadata-token": await tokenOf(send) };
  const identity = await send("/latest/dynamic/instance-identity/document", { headers }).json();
  assert.equal(identity.region, "eu-west-1");
  const path = "/latest/meta-data/iam/security-credentials/THE-NODES-OWN-ROLE";
  const keys = await send(path, { headers }).json();
  assert.equal(keys.SecretAccessKey, "THE-NODES-OWN-KEYS");
});

test("IMDS answers 401 without a token, with a wrong one and with an expired one", async () => {
  const { send, clock } = imds();
  const path = "/latest/meta-data/instance-id";
  const token = await tokenOf(send);
  assert.equal(send(path).status, 401);
  assert.equal(send(path, { headers: { "x-aws-ec2-metadata-token": "else" } }).status, 401);
  clock.now += 60_000;
  assert.equal(send(path, { headers: { "x-aws-ec2-metadata-token": token } }).status, 401);
});

// name, path, init, status
const refused = [
  ["a token without TTL", "/latest/api/token", { method: "PUT" }, 400],
  ["a TTL of 0", "/latest/api/token", { method: "PUT", headers: { [ttl]: "0" } }, 400],
  ["a TTL of 21601", "/latest/api/token", { method: "PUT", headers: { [ttl]: "21601" } }, 400],
  ["a token for a proxy", "/latest/api/token", {
    method: "PUT",
    headers: { [ttl]: "60", "x-forwarded-for": "10.0.0.7" },
  }, 403],
  ["GET of a token", "/latest/api/token", {}, 405],
  ["DELETE", "/latest/meta-data/", { method: "DELETE" }, 405],
] as const;

for (const [name, path, init, status] of refused) {
  test(`IMDS refuses ${name}: ${status}`, () => {
    assert.equal(imds().send(path, init).status, status);
  });
}

test("IMDS answers 404 for what isn't there", async () => {
  const { send } = imds();
  const headers = { "x-aws-ec2-metadata-token": await tokenOf(send) };
  for (const path of ["/latest/meta-data/spot", "/else/meta-data/mac", "/latest/meta"]) {
    assert.equal(send(path, { headers }).status, 404, path);
  }
});
