import { test } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readManifestText } from "../../kubernetes/manifests/documents.ts";
import { readIamManifests } from "../iam_manifests.ts";
import { createFakeSts } from "./fake_sts.ts";
import { type Iam, iamOf, lenientIam } from "./iam.ts";

const accountId = "123456789012";
const server = `arn:aws:iam::${accountId}:role/rolecall-server`;
const reader = "arn:aws:iam::111122223333:role/team/reader";
const start = Date.UTC(2026, 0, 1);
const foreign = {
  authorization: "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/x, Signature=y",
};

const everyone = lenientIam(() => ({ roles: [], policies: [] }));

function sts(iam: Iam = everyone, now = () => start) {
  let count = 0;
  return createFakeSts({ now, random: (below) => count++ % below, accountId, iam });
}

type Headers = Readonly<Record<string, string>>;

async function send(
  answer: ReturnType<typeof sts>,
  fields: Readonly<Record<string, string>>,
  headers: Headers = foreign,
) {
  const body = new URLSearchParams({ Version: "2011-06-15", ...fields });
  const request = new Request("http://sts.test/", { method: "POST", headers, body });
  const response = await answer(request);
  const text = await response.text();
  const field = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1] ?? "";
  const session: Headers = {
    authorization: `AWS4-HMAC-SHA256 Credential=${field("AccessKeyId")}/x, Signature=y`,
    "x-amz-security-token": field("SessionToken"),
  };
  const type = response.headers.get("content-type");
  return { status: response.status, text, field, type, session };
}

const assume = { Action: "AssumeRole", RoleArn: reader, RoleSessionName: "default.app" };

test("AssumeRole gives credentials that say they are fake, for the requested time", async () => {
  const { status, field, type, text } = await send(sts(), { ...assume, DurationSeconds: "900" });
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

// ARN, whether there is such a role beside the described arn:aws:iam::123456789012:role/team/cart
const beside = [
  ["arn:aws:iam::123456789012:role/other", true],
  ["arn:aws:iam::210987654321:role/team/cart", true],
  ["arn:aws:iam::123456789012:role/cart", false],
  ["arn:aws:iam::123456789012:role/x/team/cart", false],
  ["arn:aws:iam::123456789012:role/team/CART", false],
  ["arn:aws-cn:iam::123456789012:role/team/cart", false],
] as const;

for (const [RoleArn, exists] of beside) {
  test(`a described role has one path and spelling: ${RoleArn}: ${exists}`, async () => {
    const arn = "arn:aws:iam::123456789012:role/team/cart";
    const role = { arn, trust: { variables: true, statements: [] }, permissions: null };
    const roles = [{ ...role, maxSessionSeconds: 3600, tags: {} }];
    const iam = lenientIam(() => ({ roles, policies: [] }));
    assert.equal((await send(sts(iam), { ...assume, RoleArn })).status, exists ? 200 : 403);
  });
}

test("AssumeRole without DurationSeconds gives an hour", async () => {
  assert.equal((await send(sts(), assume)).field("Expiration"), "2026-01-01T01:00:00Z");
});

test("GetCallerIdentity knows the role of issued credentials until they expire", async () => {
  let now = start;
  const answer = sts(everyone, () => now);
  const { session } = await send(answer, assume);
  const who = { Action: "GetCallerIdentity" };
  const caller = await send(answer, who, session);
  assert.equal(caller.field("Arn"), "arn:aws:sts::111122223333:assumed-role/reader/default.app");
  assert.equal(caller.field("Account"), "111122223333");
  assert.equal(caller.field("UserId"), "AROAROLECALLDEV00000:default.app");
  const forged = await send(answer, who, { ...session, "x-amz-security-token": "else" });
  assert.deepEqual([forged.status, forged.field("Code")], [403, "InvalidClientTokenId"]);
  now += 3_600_000;
  const late = await send(answer, who, session);
  assert.deepEqual([late.status, late.field("Code")], [403, "ExpiredToken"]);
});

test("GetCallerIdentity takes anyone else for the server", async () => {
  const caller = await send(sts(), { Action: "GetCallerIdentity" });
  assert.equal(caller.field("Arn"), `arn:aws:sts::${accountId}:assumed-role/rolecall-server/dev`);
});

const tag = (key: string, value = "x") => ({
  "Tags.member.1.Key": key,
  "Tags.member.1.Value": value,
});
const manyTags = Object.fromEntries(
  Array.from({ length: 51 }, (_, at) => [`Tags.member.${at + 1}.Key`, `k${at}`]),
);
/** Text that hardly compresses. */
const dense = Array.from(
  { length: 22 },
  (_, at) => createHash("sha512").update(String(at)).digest("base64url"),
).join("");
const bigPolicy = JSON.stringify({
  Version: "2012-10-17",
  Statement: { Effect: "Allow", Action: "*", Resource: `arn:aws:s3:::${dense.slice(0, 1900)}` },
});

// name, fields changed, status, code, part of the message
const refused: readonly (readonly [string, Record<string, string>, number, string, string])[] = [
  ["no action", { Action: "" }, 400, "InvalidAction", ""],
  ["an unknown action", { Action: "<x>" }, 400, "InvalidAction", "operation &#60;x&#62; for"],
  ["a malformed ARN", { RoleArn: "reader" }, 400, "ValidationError", "reader is invalid"],
  ["no ARN", { RoleArn: "" }, 400, "ValidationError", "Value null at &#39;roleArn&#39;"],
  ["a session name too short", { RoleSessionName: "a" }, 400, "ValidationError", "roleSessionName"],
  ["too short a time", { DurationSeconds: "899" }, 400, "ValidationError", "equal to 900"],
  ["too long a time", { DurationSeconds: "43201" }, 400, "ValidationError", "equal to 43200"],
  ["a time that is none", { DurationSeconds: "1h" }, 400, "ValidationError", "equal to 900"],
  ["an empty tag key", tag(""), 400, "ValidationError", "a valid tag key"],
  ["a tag key of AWS", tag("AWS:x"), 400, "ValidationError", "a valid tag key"],
  ["a tag key of 129", tag("k".repeat(129)), 400, "ValidationError", "a valid tag key"],
  ["a tag value of 257", tag("k", "v".repeat(257)), 400, "ValidationError", "a valid tag value"],
  ["a comma in a tag", tag("k", "a,b"), 400, "ValidationError", "a valid tag value"],
  ["51 tags", manyTags, 400, "ValidationError", "less than or equal to 50"],
  [
    "keys that differ in case",
    { ...tag("Team"), "Tags.member.2.Key": "team", "Tags.member.2.Value": "y" },
    400,
    "ValidationError",
    "Duplicate tag keys",
  ],
  [
    "a transitive key without tag",
    { "TransitiveTagKeys.member.1": "k" },
    400,
    "ValidationError",
    "k",
  ],
  ["a source identity of one", { SourceIdentity: "a" }, 400, "ValidationError", "sourceIdentity"],
  ["a policy that isn't JSON", { Policy: "{" }, 400, "MalformedPolicyDocument", "JSON object"],
  ["a policy of 2049", { Policy: " ".repeat(2049) }, 400, "ValidationError", "2048"],
  [
    "another account's policy",
    { "PolicyArns.member.1.arn": "arn:aws:iam::999988887777:policy/x" },
    400,
    "ValidationError",
    "policy/x is invalid",
  ],
  ["too large a packed size", { Policy: bigPolicy }, 400, "PackedPolicyTooLarge", "Packed policy"],
];

for (const [name, change, status, code, part] of refused) {
  test(`STS refuses ${name}: ${code}`, async () => {
    const answer = await send(sts(), { ...assume, ...change });
    assert.deepEqual([answer.status, answer.field("Code")], [status, code], answer.text);
    assert.ok(answer.field("Message").includes(part), answer.text);
  });
}

test("STS never repeats an external ID", async () => {
  const answer = await send(sts(), { ...assume, ExternalId: "my secret" });
  assert.equal(answer.status, 400);
  assert.ok(!answer.text.includes("my secret"));
});

test("STS requires a signature", async () => {
  const answer = await send(sts(), assume, {});
  assert.deepEqual([answer.status, answer.field("Code")], [403, "MissingAuthenticationToken"]);
});

/** IAM as manifests describe it. */
function iam(text: string): Iam {
  const problems: string[] = [];
  const { documents } = readManifestText("iam.yaml", text);
  const read = readIamManifests(documents, problems);
  assert.deepEqual(problems, []);
  return iamOf(read);
}

/** A role of the server's account that trusts what the statement says. */
function role(name: string, statement: object, more: object = {}): string {
  const trustPolicy = {
    Version: "2012-10-17",
    Statement: { Effect: "Allow", Action: "sts:AssumeRole", ...statement },
  };
  const spec = { arn: `arn:aws:iam::${accountId}:role/${name}`, trustPolicy, ...more };
  return `---\n${JSON.stringify({ apiVersion: "iam.rolecall.dev/v1", kind: "Role", spec })}\n`;
}

const byServer = { Principal: { AWS: server } };
const everyAction = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];
const when = (operator: string, key: string, value: string | string[]) => ({
  Condition: { [operator]: { [key]: value } },
});
const externalId = when("StringEquals", "sts:ExternalId", "prod/shop/cart");
const tagged = { "Tags.member.1.Key": "team", "Tags.member.1.Value": "shop" };
const tagSession = { Action: ["sts:AssumeRole", "sts:TagSession"] };

// name, the trust policy's statement, what is requested, the action that is denied or null
const trusts: readonly (readonly [string, object, Record<string, string>, string | null])[] = [
  ["the role", byServer, {}, null],
  [
    "the session",
    {
      Principal: { AWS: `arn:aws:sts::${accountId}:assumed-role/rolecall-server/dev` },
    },
    {},
    null,
  ],
  ["the account", { Principal: { AWS: accountId } }, {}, null],
  ["another role", { Principal: { AWS: `${server}-2` } }, {}, "sts:AssumeRole"],
  ["another account", { Principal: { AWS: "210987654321" } }, {}, "sts:AssumeRole"],
  ["a service", { Principal: { Service: "ec2.amazonaws.com" } }, {}, "sts:AssumeRole"],
  ["everyone but the server", { NotPrincipal: { AWS: server } }, {}, "sts:AssumeRole"],
  ["another action", { ...byServer, Action: "sts:TagSession" }, {}, "sts:AssumeRole"],
  ["all but another action", { ...byServer, Action: undefined, NotAction: "sts:Tag*" }, {}, null],
  ["its external ID", { ...byServer, ...externalId }, { ExternalId: "prod/shop/cart" }, null],
  ["another external ID", { ...byServer, ...externalId }, {
    ExternalId: "prod/shop/cart2",
  }, "sts:AssumeRole"],
  ["no external ID", { ...byServer, ...externalId }, {}, "sts:AssumeRole"],
  [
    "IDs of a namespace",
    {
      ...byServer,
      ...when("StringLike", "sts:ExternalId", "prod/shop/*"),
    },
    { ExternalId: "prod/shop/x" },
    null,
  ],
  [
    "IDs of another namespace",
    {
      ...byServer,
      ...when("StringLike", "sts:ExternalId", "prod/shop/*"),
    },
    { ExternalId: "prod/shop2/x" },
    "sts:AssumeRole",
  ],
  [
    "one of several IDs",
    {
      ...byServer,
      ...when("StringEquals", "sts:ExternalId", ["prod/a", "prod/b"]),
    },
    { ExternalId: "prod/b" },
    null,
  ],
  ["tags without TagSession", byServer, tagged, "sts:TagSession"],
  ["tags with TagSession", { ...byServer, ...tagSession }, tagged, null],
  [
    "its tag",
    {
      ...byServer,
      ...tagSession,
      ...when("StringEquals", "aws:RequestTag/Team", "shop"),
    },
    tagged,
    null,
  ],
  [
    "another value",
    {
      ...byServer,
      ...tagSession,
      ...when("StringEquals", "aws:RequestTag/team", "bank"),
    },
    tagged,
    "sts:AssumeRole",
  ],
  [
    "a tag it must not have",
    {
      ...byServer,
      ...tagSession,
      ...when("Null", "aws:RequestTag/team", "true"),
    },
    tagged,
    "sts:AssumeRole",
  ],
  [
    "only keys it knows",
    {
      ...byServer,
      ...tagSession,
      ...when("ForAllValues:StringEquals", "aws:TagKeys", ["cluster"]),
    },
    tagged,
    "sts:AssumeRole",
  ],
  ["a source identity without the action", byServer, {
    SourceIdentity: "shop.cart",
  }, "sts:SetSourceIdentity"],
  [
    "its source identity",
    {
      ...byServer,
      Action: everyAction,
      ...when("StringEquals", "sts:SourceIdentity", "shop.cart"),
    },
    { SourceIdentity: "shop.cart" },
    null,
  ],
  [
    "another source identity",
    {
      ...byServer,
      Action: everyAction,
      ...when("StringEquals", "sts:SourceIdentity", "shop.cart"),
    },
    { SourceIdentity: "bank.cart" },
    "sts:AssumeRole",
  ],
  [
    "its session name",
    {
      ...byServer,
      ...when("StringLike", "sts:RoleSessionName", "shop.*"),
    },
    {},
    "sts:AssumeRole",
  ],
  [
    "a principal's variable",
    {
      Principal: "*",
      ...when("ArnLike", "aws:PrincipalArn", "arn:*:iam::${aws:PrincipalAccount}:role/rolecall-*"),
    },
    {},
    null,
  ],
];

for (const [name, statement, fields, denied] of trusts) {
  test(`trust policy, ${name}: ${denied ?? "allowed"}`, async () => {
    const RoleArn = `arn:aws:iam::${accountId}:role/it`;
    const answer = await send(sts(iam(role("it", statement))), { ...assume, RoleArn, ...fields });
    if (denied === null) return assert.equal(answer.status, 200, answer.text);
    assert.deepEqual([answer.status, answer.field("Code")], [403, "AccessDenied"]);
    assert.match(answer.field("Message"), new RegExp(`perform: ${denied} on resource: ${RoleArn}`));
  });
}

test("a role that doesn't exist: AccessDenied, as for one that doesn't trust", async () => {
  const answer = await send(sts(iam("")), assume);
  assert.deepEqual([answer.status, answer.field("Code")], [403, "AccessDenied"]);
});

test("an explicit deny wins over an allow", async () => {
  const trustPolicy = {
    Version: "2012-10-17",
    Statement: [
      { Effect: "Allow", Principal: "*", Action: "*" },
      {
        Effect: "Deny",
        Principal: "*",
        Action: "sts:AssumeRole",
        ...when("StringNotEquals", "sts:ExternalId", "prod/shop/cart"),
      },
    ],
  };
  const answer = sts(iam(role("it", {}, { trustPolicy })));
  const it = { ...assume, RoleArn: `arn:aws:iam::${accountId}:role/it` };
  assert.equal((await send(answer, it)).status, 403);
  assert.equal((await send(answer, { ...it, ExternalId: "prod/shop/cart" })).status, 200);
});

// the trust policy names, the role's account, the server's own permissions, allowed
const mayAssume = [{
  Version: "2012-10-17",
  Statement: { Effect: "Allow", Action: "sts:AssumeRole", Resource: "arn:aws:iam::*:role/it" },
}];
const mayNot = [{
  Version: "2012-10-17",
  Statement: { Effect: "Deny", Action: "sts:*", Resource: "*" },
}];
const rights = [
  [server, accountId, [], true],
  [accountId, accountId, [], false],
  [accountId, accountId, mayAssume, true],
  [server, accountId, mayNot, false],
  [server, "210987654321", [], false],
  [server, "210987654321", mayAssume, true],
  [accountId, "210987654321", mayAssume, true],
] as const;

for (const [AWS, account, permissions, allowed] of rights) {
  const own = permissions.length === 0 ? "none" : permissions[0]!.Statement.Effect;
  test(`the caller's own permissions: ${own}; ${AWS} trusted by a role of ${account}: ${allowed}`, async () => {
    const arn = `arn:aws:iam::${account}:role/it`;
    const text = role("it", { Principal: { AWS } }, { arn }) +
      role("rolecall-server", { Principal: { Service: "ec2.amazonaws.com" } }, { permissions });
    const answer = await send(sts(iam(text)), { ...assume, RoleArn: arn });
    assert.equal(answer.status, allowed ? 200 : 403, answer.text);
  });
}

const first = { Principal: { AWS: server }, Action: everyAction };
const firstArn = `arn:aws:iam::${accountId}:role/first`;
const secondArn = `arn:aws:iam::${accountId}:role/second`;
const chain = role("first", first) + role("second", { Principal: { AWS: firstArn } });

/** Assumes `first`, then `second` with its session. */
async function chained(
  text: string,
  one: Readonly<Record<string, string>> = {},
  two: Readonly<Record<string, string>> = {},
) {
  const answer = sts(iam(text));
  const { session } = await send(answer, { ...assume, RoleArn: firstArn, ...one });
  return await send(answer, { ...assume, RoleArn: secondArn, ...two }, session);
}

test("a chain: each role trusts the one before it", async () => {
  assert.equal((await chained(chain)).status, 200);
  const direct = await send(sts(iam(chain)), { ...assume, RoleArn: secondArn });
  assert.equal(direct.status, 403);
});

test("a chain: an hour at most, and within each role's maximum", async () => {
  const long = role("second", { Principal: { AWS: firstArn } }, { maxSessionDuration: 43_200 });
  const text = role("first", first) + long;
  const answer = await chained(text, {}, { DurationSeconds: "3601" });
  assert.match(answer.field("Message"), /1 hour session limit for roles assumed by role chaining/);
  const first12h = await send(sts(iam(text)), {
    ...assume,
    RoleArn: firstArn,
    DurationSeconds: "7200",
  });
  assert.match(first12h.field("Message"), /exceeds the MaxSessionDuration/);
});

const transitive = { ...tagged, "TransitiveTagKeys.member.1": "team" };
const trustsTeam = role("second", {
  Principal: { AWS: firstArn },
  Action: everyAction,
  ...when("StringEquals", "aws:PrincipalTag/team", "shop"),
});

test("a chain: transitive tags are inherited, need TagSession, and can't be replaced", async () => {
  const text = role("first", first) + trustsTeam;
  assert.equal((await chained(text, transitive)).status, 200);
  assert.equal((await chained(text)).status, 403);
  const strict = await chained(role("first", first) + role("second", byFirst), transitive);
  assert.match(strict.field("Message"), /sts:TagSession/);
  assert.equal((await chained(chain, tagged)).status, 200, "not transitive, so not inherited");
  const replaced = await chained(text, transitive, tagged);
  assert.match(replaced.field("Message"), /tag team is transitive/);
});

const byFirst = { Principal: { AWS: firstArn } };

test("a chain: the source identity stays, and needs SetSourceIdentity", async () => {
  const one = { SourceIdentity: "shop.cart" };
  assert.match((await chained(chain, one)).field("Message"), /sts:SetSourceIdentity/);
  const text = role("first", first) + role("second", {
    ...byFirst,
    Action: everyAction,
    ...when("StringEquals", "sts:SourceIdentity", "shop.cart"),
  });
  const kept = await chained(text, one);
  assert.equal(kept.field("SourceIdentity"), "shop.cart");
  assert.equal((await chained(text, one, { SourceIdentity: "bank.cart" })).status, 403);
});

const policies = (Effect: string, Action: string) =>
  JSON.stringify({ Version: "2012-10-17", Statement: { Effect, Action, Resource: "*" } });
const managed = (name: string, policy: string) => {
  const spec = { arn: `arn:aws:iam::${accountId}:policy/${name}`, policy };
  return `---\n${JSON.stringify({ apiVersion: "iam.rolecall.dev/v1", kind: "Policy", spec })}\n`;
};

test("session policies limit what a session may do; several are a union, and a deny wins", async () => {
  const text = role("first", first) + role("second", { Principal: { AWS: accountId } }) +
    managed("s3", policies("Allow", "s3:*")) + managed("sts", policies("Allow", "sts:*")) +
    managed("no-sts", policies("Deny", "sts:*"));
  const with_ = (...names: string[]) =>
    Object.fromEntries(names.map((name, at) => [
      `PolicyArns.member.${at + 1}.arn`,
      `arn:aws:iam::${accountId}:policy/${name}`,
    ]));
  const status = async (one: Record<string, string>) => (await chained(text, one)).status;
  assert.equal(await status({}), 200);
  assert.equal(await status({ Policy: policies("Allow", "s3:*") }), 403);
  assert.equal(await status(with_("s3")), 403);
  assert.equal(await status(with_("s3", "sts")), 200);
  assert.equal(await status(with_("s3", "sts", "no-sts")), 403);
  assert.equal(await status(with_("unknown")), 403);
});
