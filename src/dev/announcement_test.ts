import { test } from "node:test";
import assert from "node:assert/strict";
import type { AssignFrame } from "../protocol/frames.ts";
import { type Addresses, commandLines, podLines } from "./announcement.ts";

const addresses: Addresses = {
  agent: "127.0.0.1:8181",
  admin: "127.0.0.1:9620",
  status: "127.0.0.1:9622",
  sts: "http://127.0.0.1:4566",
  region: "eu-west-1",
};
const credentials = {
  accessKeyId: "a",
  secretAccessKey: "SECRET",
  sessionToken: "SECRET",
  expiration: "2026-01-01T00:00:00Z",
  lastUpdated: "2026-01-01T00:00:00Z",
};
const role = {
  arn: "arn:aws:iam::123456789012:role/cart",
  name: "cart",
  requested: "cart",
  identity: "i",
};

function frame(name: string, ip: string, outcome: Partial<AssignFrame>, pod = {}): AssignFrame {
  const ips = ip === "" ? [] : [ip];
  const own = { uid: name, namespace: "shop", name, ips, hostNetwork: false, imdsv2: false };
  return { type: "assign", pod: { ...own, ...pod }, ...outcome };
}

test("podLines() sorts by address and says what each pod gets, no key among it", () => {
  const lines = podLines([
    frame("ten", "127.0.0.10", { role: null }),
    frame("curious", "127.0.0.2", { denied: { reason: "NotPermitted", message: "not that" } }),
    frame("cart", "127.0.0.1", { role: { ...role, credentials } }),
    frame("soon", "127.0.0.3", { role }, { imdsv2: true }),
    frame("host", "", { role: null }, { hostNetwork: true }),
  ], ["shop/gone"]);
  assert.deepEqual(lines, [
    "  127.0.0.1   shop/cart     role arn:aws:iam::123456789012:role/cart",
    "  127.0.0.2   shop/curious  denied, NotPermitted: not that",
    "  127.0.0.3   shop/soon     role arn:aws:iam::123456789012:role/cart, with an IMDSv2 token only: credentials to come",
    "  127.0.0.10  shop/ten      no role",
    "  -           shop/host     on the host's network: never found by address",
    "  -           shop/gone     isn't there (yet)",
  ]);
});

test("commandLines() are for 127.0.0.1 without --interface, SDKs included", () => {
  const text = commandLines(addresses, frame("cart", "127.0.0.1", { role })).join("\n");
  assert.ok(!text.includes("--interface"));
  assert.match(text, /security-credentials\/cart$/m);
  assert.match(text, /AWS_EC2_METADATA_SERVICE_ENDPOINT=http:\/\/127\.0\.0\.1:8181/);
  assert.match(text, /--endpoint-url http:\/\/127\.0\.0\.1:4566$/m);
});

test("commandLines() name no endpoint where STS is AWS's", () => {
  const text = commandLines({ ...addresses, sts: null }, frame("c", "127.0.0.1", { role }));
  assert.ok(!text.join("\n").includes("--endpoint-url"));
});

test("commandLines() ask from another address where no pod is at 127.0.0.1", () => {
  const text = commandLines(addresses, frame("cart", "127.0.0.4", { role: null })).join("\n");
  assert.match(text, /curl -s --interface 127\.0\.0\.4/);
  assert.ok(!text.includes("AWS_EC2_METADATA_SERVICE_ENDPOINT"), "SDKs choose no source address");
});

test("commandLines() say so where there is no pod", () => {
  assert.equal(commandLines(addresses, undefined).at(-1), "No pod has an address yet.");
});
