import { test } from "node:test";
import assert from "node:assert/strict";
import { createFakeSts } from "./fake_sts.ts";

const accountId = "123456789012";
const reader = "arn:aws:iam::111122223333:role/team/reader";
const start = Date.UTC(2026, 0, 1);
const foreign = {
  authorization: "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/x, Signature=y",
};

function sts(now = () => start) {
  let count = 0;
  return createFakeSts({
    now,
    random: (below) => count++ % below,
    accountId,
    refuses: (arn) => arn.endsWith("/untrusting"),
  });
}

async function ask(
  answer: ReturnType<typeof sts>,
  fields: Record<string, string>,
  headers: Record<string, string> = foreign,
) {
  const body = new URLSearchParams({ Version: "2011-06-15", ...fields });
  const request = new Request("http://sts.test/", { method: "POST", headers, body });
  const response = await answer(request);
  const text = await response.text();
  const field = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1] ?? "";
  return { status: response.status, text, field, type: response.headers.get("content-type") };
}

const assume = { Action: "AssumeRole", RoleArn: reader, RoleSessionName: "default.app" };

test("AssumeRole gives credentials that say they are fake, for as long as asked", async () => {
  const { status, field, type, text } = await ask(sts(), { ...assume, DurationSeconds: "900" });
  assert.equal(status, 200);
  assert.equal(type, "text/xml");
  assert.ok(
    text.startsWith('<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'),
  );
  assert.match(field("AccessKeyId"), /^ASIAROLECALLDEV[A-Z2-7]{5}$/);
  assert.match(field("SecretAccessKey"), /^fake\/secret\/of\/rolecall\/dev\//);
  assert.match(field("SessionToken"), /^FAKE-SESSION-OF-ROLECALL-DEV\./);
  assert.equal(field("Expiration"), "2026-01-01T00:15:00Z");
  assert.equal(field("Arn"), "arn:aws:sts::111122223333:assumed-role/reader/default.app");
});

test("AssumeRole without DurationSeconds gives an hour", async () => {
  assert.equal((await ask(sts(), assume)).field("Expiration"), "2026-01-01T01:00:00Z");
});

test("GetCallerIdentity knows the role of the credentials given out, until they end", async () => {
  let now = start;
  const answer = sts(() => now);
  const { field } = await ask(answer, assume);
  const headers = {
    authorization: `AWS4-HMAC-SHA256 Credential=${
      field("AccessKeyId")
    }/20260101/x/sts/aws4_request`,
    "x-amz-security-token": field("SessionToken"),
  };
  const who = { Action: "GetCallerIdentity" };
  const caller = await ask(answer, who, headers);
  assert.equal(caller.field("Arn"), "arn:aws:sts::111122223333:assumed-role/reader/default.app");
  assert.equal(caller.field("Account"), "111122223333");
  assert.equal(caller.field("UserId"), "AROAROLECALLDEV00000:default.app");
  const forged = await ask(answer, who, { ...headers, "x-amz-security-token": "else" });
  assert.deepEqual([forged.status, forged.field("Code")], [403, "InvalidClientTokenId"]);
  now += 3_600_000;
  const late = await ask(answer, who, headers);
  assert.deepEqual([late.status, late.field("Code")], [403, "ExpiredToken"]);
});

test("GetCallerIdentity takes anyone else for the server", async () => {
  const caller = await ask(sts(), { Action: "GetCallerIdentity" });
  assert.equal(caller.field("Arn"), `arn:aws:sts::${accountId}:assumed-role/rolecall-server/dev`);
});

// name, fields changed, status, code, what the message has
const refused = [
  ["no action", { Action: "" }, 400, "InvalidAction", ""],
  ["an unknown action", { Action: "<x>" }, 400, "InvalidAction", "operation &#60;x&#62; for"],
  [
    "a role that trusts somebody else",
    {
      RoleArn: "arn:aws:iam::111122223333:role/untrusting",
    },
    403,
    "AccessDenied",
    "is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam",
  ],
  ["a malformed ARN", { RoleArn: "reader" }, 400, "ValidationError", "reader is invalid"],
  ["no ARN", { RoleArn: "" }, 400, "ValidationError", "Value null at &#39;roleArn&#39;"],
  ["a session name too short", { RoleSessionName: "a" }, 400, "ValidationError", "roleSessionName"],
  ["too short a time", { DurationSeconds: "899" }, 400, "ValidationError", "equal to 900"],
  ["too long a time", { DurationSeconds: "43201" }, 400, "ValidationError", "equal to 43200"],
  ["a time that is none", { DurationSeconds: "1h" }, 400, "ValidationError", "equal to 900"],
  ["an empty tag key", { "Tags.member.1.Key": "" }, 400, "ValidationError", "a valid tag"],
] as const;

for (const [name, change, status, code, part] of refused) {
  test(`STS refuses ${name}: ${code}`, async () => {
    const answer = await ask(sts(), { ...assume, ...change });
    assert.deepEqual([answer.status, answer.field("Code")], [status, code]);
    assert.ok(answer.field("Message").includes(part), answer.text);
  });
}

test("STS never repeats an external ID", async () => {
  const answer = await ask(sts(), { ...assume, ExternalId: "my secret" });
  assert.equal(answer.status, 400);
  assert.ok(!answer.text.includes("my secret"));
});

test("STS wants a signature", async () => {
  const answer = await ask(sts(), assume, {});
  assert.deepEqual([answer.status, answer.field("Code")], [403, "MissingAuthenticationToken"]);
});
