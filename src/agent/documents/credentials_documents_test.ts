import { test } from "node:test";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { containerDocument, credentialsDocument, infoDocument } from "./credentials_documents.ts";

const fixture = async (name: string) =>
  new Uint8Array(await readFile(new URL(`../../../tests/fixtures/imds/${name}`, import.meta.url)));

const credentials = {
  accessKeyId: "ASIAEXAMPLE",
  secretAccessKey: "not/a+secret",
  sessionToken: "not=a=token",
  expiration: "2026-01-02T16:04:05Z",
  lastUpdated: "2026-01-02T15:04:05Z",
};

test("credentialsDocument: byte for byte as EC2 lays it out", async () => {
  assert.deepEqual(credentialsDocument(credentials), await fixture("credentials.json"));
});

test("credentialsDocument: dates have no fraction and no other zone", () => {
  const odd = { ...credentials, expiration: "2026-01-02T17:04:05.678+01:00" };
  assert.match(new TextDecoder().decode(credentialsDocument(odd)), /"2026-01-02T16:04:05Z"\n}$/);
});

test("infoDocument: byte for byte, the profile's ID stable", async () => {
  const arn = "arn:aws:iam::111122223333:role/team/reader";
  const document = infoDocument({ arn, lastUpdated: credentials.lastUpdated });
  assert.deepEqual(document, await fixture("info.json"));
});

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
