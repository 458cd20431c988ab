import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { parsePolicy } from "../../iam/policy_document.ts";
import { createClusterIssuer, devIssuer } from "../cluster_issuer.ts";
import { createFakeSts } from "./fake_sts.ts";
import { iamOf } from "./iam.ts";

const accountId = "123456789012";
const start = Date.UTC(2026, 0, 1);
const host = devIssuer.replace("https://", "");
const arn = `arn:aws:iam::${accountId}:role/cart`;
const subject = "system:serviceaccount:shop:cart";

/** The role trusts the provider under this condition. */
function iamWith(
  keys: readonly JsonWebKey[],
  condition: object,
  audiences = ["sts.amazonaws.com"],
) {
  const provider = {
    arn: `arn:aws:iam::${accountId}:oidc-provider/${host}`,
    issuer: devIssuer,
    audiences,
    keys,
  };
  const trust = parsePolicy({
    Version: "2012-10-17",
    Statement: {
      Effect: "Allow",
      Principal: { Federated: provider.arn },
      Action: "sts:AssumeRoleWithWebIdentity",
      Condition: condition,
    },
  }, "trust");
  assert.ok(trust.kind === "policy");
  const role = { arn, trust: trust.policy, permissions: null, maxSessionSeconds: 3600, tags: {} };
  return iamOf({ roles: [role], policies: [] }, [provider]);
}

const usual = { StringEquals: { [`${host}:sub`]: subject, [`${host}:aud`]: "sts.amazonaws.com" } };

interface Try {
  readonly serviceAccount?: string;
  readonly audience?: string;
  readonly condition?: object;
  readonly audiences?: string[];
  readonly change?: (token: string) => string;
  readonly later?: number;
  readonly fields?: Readonly<Record<string, string>>;
  readonly foreignKeys?: boolean;
}

async function tried(given: Try) {
  const issuer = createClusterIssuer(() => start);
  const known = given.foreignKeys ? createClusterIssuer(() => start) : issuer;
  const { serviceAccount = "cart", audience = "sts.amazonaws.com" } = given;
  const pod = { name: "web", uid: "u" };
  const answer = await issuer.requestToken(
    { namespace: "shop", serviceAccount, audience, pod },
    new AbortController().signal,
  );
  assert.ok(answer.kind === "token");
  const iam = iamWith(await known.keys(), given.condition ?? usual, given.audiences);
  const now = () => start + (given.later ?? 0);
  const sts = createFakeSts({ now, random: () => 0, accountId, iam });
  const body = new URLSearchParams({
    Action: "AssumeRoleWithWebIdentity",
    RoleArn: arn,
    RoleSessionName: "shop.cart",
    WebIdentityToken: (given.change ?? String)(answer.token),
    ...given.fields,
  });
  const response = await sts(new Request("http://sts.test/", { method: "POST", body }));
  const text = await response.text();
  return { text, code: /<Code>(.*?)<\/Code>/.exec(text)?.[1] ?? "ok" };
}

test("AssumeRoleWithWebIdentity gives a session, without a signature", async () => {
  const { text, code } = await tried({});
  assert.equal(code, "ok", text);
  assert.match(text, new RegExp(`<SubjectFromWebIdentityToken>${subject}<`));
  assert.match(text, /assumed-role\/cart\/shop\.cart/);
});

/** The token with another part. */
const withPart = (at: number, part: object) => (token: string) =>
  token.split(".").map((text, index) =>
    index === at ? Buffer.from(JSON.stringify(part)).toString("base64url") : text
  ).join(".");

// name, what is tried, STS's error code
const refused: readonly (readonly [string, Try, string])[] = [
  ["another ServiceAccount", { serviceAccount: "other" }, "AccessDenied"],
  [
    "a role that doesn't trust the provider",
    { condition: { Null: { a: "false" } } },
    "AccessDenied",
  ],
  ["a role that doesn't exist", { fields: { RoleArn: `${arn}2` } }, "AccessDenied"],
  ["an audience that the provider lacks", { audience: "other" }, "InvalidIdentityToken"],
  ["a provider without the audience", { audiences: ["x"] }, "InvalidIdentityToken"],
  ["another key", { foreignKeys: true }, "InvalidIdentityToken"],
  ["a changed claim", {
    change: withPart(1, { iss: devIssuer, sub: subject, aud: "sts.amazonaws.com", exp: 9e9 }),
  }, "InvalidIdentityToken"],
  ["another issuer", {
    change: withPart(1, { iss: "https://other", sub: subject, aud: "sts.amazonaws.com", exp: 9e9 }),
  }, "InvalidIdentityToken"],
  ["no algorithm", { change: withPart(0, { alg: "none" }) }, "InvalidIdentityToken"],
  ["a symmetric algorithm", { change: withPart(0, { alg: "HS256" }) }, "InvalidIdentityToken"],
  ["no token", { change: () => "x" }, "InvalidIdentityToken"],
  ["an expired token", { later: 600_000 }, "ExpiredTokenException"],
  ["a token from the future", { later: -301_000 }, "InvalidIdentityToken"],
  ["longer than the role allows", { fields: { DurationSeconds: "7200" } }, "ValidationError"],
  ["a session name too short", { fields: { RoleSessionName: "a" } }, "ValidationError"],
];

for (const [name, given, code] of refused) {
  test(`AssumeRoleWithWebIdentity refuses ${name}: ${code}`, async () => {
    const got = await tried(given);
    assert.equal(got.code, code, got.text);
  });
}
