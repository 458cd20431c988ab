import { test } from "node:test";
import assert from "node:assert/strict";
import { containerDocument } from "./container_document.ts";

test("containerDocument() has the fields that SDKs read, in EKS's spelling, and no other", () => {
  const body = containerDocument({
    accessKeyId: "ASIA1",
    secretAccessKey: 'a"b',
    sessionToken: "token",
    expiration: "2026-01-02T15:04:05.678Z",
    lastUpdated: "2026-01-02T14:04:05Z",
  }, "arn:aws-cn:iam::111122223333:role/team/reader");
  assert.deepEqual(JSON.parse(new TextDecoder().decode(body)), {
    AccessKeyId: "ASIA1",
    SecretAccessKey: 'a"b',
    Token: "token",
    Expiration: "2026-01-02T15:04:05Z",
    AccountId: "111122223333",
  });
});
