import { after, beforeEach, test } from "node:test";
import assert from "node:assert/strict";
import { assumed, caller, refusal, startStsEndpoint } from "../../tests/fakes/sts_endpoint.ts";
import { roleIdentity } from "../../tests/fakes/facts.ts";
import type { RoleIdentity } from "../policy/facts.ts";
import { createHttpClient } from "../runtime/http/client.ts";
import { systemClock } from "../time/system_clock.ts";
import { createSts, type Sts, type StsOptions } from "./sts.ts";
import { StsFault } from "./sts_fault.ts";

const endpoint = await startStsEndpoint();
const opened: Sts[] = [];
const arn = "arn:aws:iam::111122223333:role/team/reader";
const secretId = "external-hunter2";
const plain = roleIdentity({ arn, sessionName: "shop.reader" });
const full: RoleIdentity = {
  ...plain,
  externalId: secretId,
  durationSeconds: 900,
  tags: [["kubernetes-namespace", "shop"], ["kubernetes-service-account", "reader"]],
  transitiveTagKeys: ["kubernetes-namespace"],
  sourceIdentity: "shop.reader",
  policyArns: ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
  policy: "{}",
};

beforeEach(() => {
  endpoint.requests.length = 0;
  endpoint.answer = () => assumed("ASIAEXAMPLE", new Date(Date.now() + 3_600_000));
});

after(async () => {
  for (const sts of opened) await sts.close();
  await endpoint.close();
});

const runtime = { env: {}, httpClient: createHttpClient };

function sts(options: Partial<StsOptions> = {}): Sts {
  const made = createSts({
    region: "eu-west-1",
    endpoint: endpoint.url,
    clock: systemClock,
    runtime,
    credentials: () => Promise.resolve({ accessKeyId: "AKIASERVER", secretAccessKey: "secret" }),
    ...options,
  });
  opened.push(made);
  return made;
}

/** Only a hang has to end; the first call also loads the SDK. */
const limit = { timeout: 60_000 };
const never = new AbortController().signal;

async function faultOf(call: Promise<unknown>): Promise<StsFault> {
  const fault = await call.then(() => assert.fail("no fault"), (error) => error);
  assert.ok(fault instanceof StsFault, `${fault}`);
  return fault;
}

test("assumeRole() gives the credentials, with our time of receipt", async () => {
  const expiration = new Date("2026-01-01T01:00:00Z");
  endpoint.answer = () => assumed("ASIAEXAMPLE", expiration);
  assert.deepEqual(
    await sts({ clock: { ...systemClock, now: () => 42 } }).assumeRole(plain, never),
    {
      accessKeyId: "ASIAEXAMPLE",
      secretAccessKey: "secret+/=",
      sessionToken: "token+/=",
      expiresAt: expiration.getTime(),
      issuedAt: 42,
    },
  );
});

test("assumeRole() sends role, session name and duration, and nothing else", async () => {
  await sts().assumeRole(plain, never);
  assert.deepEqual(Object.fromEntries(endpoint.requests[0]?.form ?? []), {
    Action: "AssumeRole",
    Version: "2011-06-15",
    RoleArn: arn,
    RoleSessionName: "shop.reader",
    DurationSeconds: "3600",
  });
  assert.equal(endpoint.requests[0]?.accessKeyId, "AKIASERVER");
});

test("assumeRole() sends everything in the identity", async () => {
  await sts().assumeRole(full, never);
  const form = Object.fromEntries(endpoint.requests[0]?.form ?? []);
  const { Action: _action, Version: _version, RoleArn: _arn, ...sent } = form;
  assert.deepEqual(sent, {
    RoleSessionName: "shop.reader",
    ExternalId: secretId,
    DurationSeconds: "900",
    "Tags.member.1.Key": "kubernetes-namespace",
    "Tags.member.1.Value": "shop",
    "Tags.member.2.Key": "kubernetes-service-account",
    "Tags.member.2.Value": "reader",
    "TransitiveTagKeys.member.1": "kubernetes-namespace",
    SourceIdentity: "shop.reader",
    "PolicyArns.member.1.arn": "arn:aws:iam::aws:policy/ReadOnlyAccess",
    Policy: "{}",
  });
});

const trustRole = roleIdentity({ arn: "arn:aws:iam::111122223333:role/trust/shop" });
const trusted = { ...plain, assumedBy: trustRole };
const session = {
  accessKeyId: "ASIATRUST",
  secretAccessKey: "s",
  sessionToken: "of-the-trust-role",
  issuedAt: 0,
  expiresAt: 1,
};

test("assumeRole() signs with the trust role's credentials, one set after the other", async () => {
  const tested = sts();
  await tested.assumeRole(trusted, never, { assumedBy: session });
  await tested.assumeRole(trusted, never, { assumedBy: session });
  const next = { ...session, accessKeyId: "ASIANEXT" };
  await tested.assumeRole(trusted, never, { assumedBy: next });
  await tested.assumeRole(plain, never);
  assert.deepEqual(
    endpoint.requests.map(({ accessKeyId }) => accessKeyId),
    ["ASIATRUST", "ASIATRUST", "ASIANEXT", "AKIASERVER"],
  );
});

test("assumeRole() never uses the server's own credentials in a trust role's place", async () => {
  await assert.rejects(sts().assumeRole(trusted, never), TypeError);
  await assert.rejects(sts().assumeRole(plain, never, { assumedBy: session }), TypeError);
  assert.equal(endpoint.requests.length, 0);
});

test("assumeRole() names the trust role in what the trust policy needs", async () => {
  endpoint.answer = () => refusal(403, "AccessDenied", "no");
  const { message } = await faultOf(sts().assumeRole(trusted, never, { assumedBy: session }));
  assert.match(
    message,
    /must allow sts:AssumeRole to arn:aws:iam::111122223333:role\/trust\/shop;/,
  );
});

test("assumeRole() a trust role's session that STS doesn't accept is not the server's fault", async () => {
  endpoint.answer = () => refusal(403, "ExpiredToken", "no");
  const fault = await faultOf(sts().assumeRole(trusted, never, { assumedBy: session }));
  assert.deepEqual([fault.code, fault.retryable], ["sts_failing", true]);
  assert.match(fault.message, /session of .*role\/trust\/shop; the server tries again/);
});

const webIdentity = { namespace: "shop", serviceAccount: "cart", audience: "sts.amazonaws.com" };
const federated = roleIdentity({ arn, webIdentity, policy: "{}" });
const byToken = { webIdentityToken: "header.claims.signature" };

test("assumeRole() with a web identity: its token, unsigned, without credentials of the server's", async () => {
  const tested = sts({ credentials: () => Promise.reject(new Error("none")) });
  const reply = assumed("ASIAEXAMPLE", new Date(Date.now() + 3_600_000));
  assert.ok(typeof reply === "object");
  const body = reply.body.replaceAll("AssumeRole", "AssumeRoleWithWebIdentity");
  endpoint.answer = () => ({ ...reply, body });
  const { accessKeyId } = await tested.assumeRole(federated, never, byToken);
  assert.equal(accessKeyId, "ASIAEXAMPLE");
  const [request] = endpoint.requests;
  assert.equal(request?.accessKeyId, undefined);
  assert.deepEqual(Object.fromEntries(request?.form ?? []), {
    Action: "AssumeRoleWithWebIdentity",
    Version: "2011-06-15",
    RoleArn: arn,
    RoleSessionName: "shop.cart",
    DurationSeconds: "3600",
    Policy: "{}",
    WebIdentityToken: "header.claims.signature",
  });
});

test("assumeRole() a web identity is never assumed with the server's own credentials", async () => {
  await assert.rejects(sts().assumeRole(federated, never), TypeError);
  await assert.rejects(sts().assumeRole(plain, never, byToken), TypeError);
});

// status, STS's code, fault, retryable, in the message
const tokenRefusals = [
  [400, "InvalidIdentityToken", "rejected", false, /OIDC provider for the cluster's issuer/],
  [400, "ExpiredTokenException", "sts_failing", true, /clocks of API server and AWS disagree/],
  [400, "IDPCommunicationError", "sts_failing", true, /can't reach the cluster's issuer/],
  [403, "IDPRejectedClaim", "rejected", false, /rejects its claims/],
  [
    403,
    "AccessDenied",
    "access_denied",
    false,
    /AssumeRoleWithWebIdentity .*for system:.*:shop:cart/,
  ],
] as const;

for (const [status, code, expected, retryable, message] of tokenRefusals) {
  test(`assumeRole() with a web identity, ${status} ${code}: ${expected}`, async () => {
    endpoint.answer = () =>
      refusal(status, code, `STS's own text about ${byToken.webIdentityToken}`);
    const fault = await faultOf(sts().assumeRole(federated, never, byToken));
    assert.deepEqual([fault.code, fault.retryable], [expected, retryable]);
    assert.match(fault.message, message);
    assert.doesNotMatch(`${fault.stack}${JSON.stringify(fault.cause)}`, /own text|claims\.sig/);
  });
}

// status, STS's code, fault, retryable, in the message
const refusals = [
  [400, "Throttling", "throttled", true, /throttles/],
  [400, "RequestLimitExceeded", "throttled", true, /throttles/],
  [429, "SomethingNew", "throttled", true, /throttles/],
  [500, "InternalFailure", "sts_failing", true, /STS fails \(eu-west-1\)/],
  [503, "ServiceUnavailable", "sts_failing", true, /tries again/],
  [
    403,
    "AccessDenied",
    "access_denied",
    false,
    /role\/team\/reader: .*trust policy.*sts:AssumeRole/,
  ],
  [400, "ValidationError", "rejected", false, /role\/team\/reader \(ValidationError\)/],
  [400, "MalformedPolicyDocument", "rejected", false, /its session policies are not valid/],
  [
    400,
    "PackedPolicyTooLarge",
    "rejected",
    false,
    /tags and session policies together are too large/,
  ],
  [403, "RegionDisabledException", "rejected", false, /activated in eu-west-1/],
  [403, "ExpiredToken", "server_credentials", true, /own AWS credentials.*ExpiredToken/],
  [403, "InvalidClientTokenId", "server_credentials", true, /InvalidClientTokenId/],
  [403, "SignatureDoesNotMatch", "server_credentials", true, /SignatureDoesNotMatch/],
] as const;

for (const [status, code, expected, retryable, message] of refusals) {
  test(`assumeRole() ${status} ${code}: ${expected}`, async () => {
    endpoint.answer = () => refusal(status, code, `STS's own text about ${secretId}`);
    const fault = await faultOf(sts().assumeRole(full, never));
    assert.equal(fault.code, expected);
    assert.equal(fault.retryable, retryable);
    assert.match(fault.message, message);
    assert.equal(endpoint.requests.length, 1, "tried once");
    assert.match(JSON.stringify(fault.cause), new RegExp(`"name":"${code}.*"status":${status}`));
    assert.match(fault.requestId ?? "", /^request-/);
    const all = `${fault.stack}${JSON.stringify(fault)}${JSON.stringify(fault.cause)}`;
    assert.doesNotMatch(all, /own text|hunter2|secret\+|AKIASERVER/);
  });
}

test("assumeRole() AccessDenied: says what the trust policy needs, in 500 bytes at most", async () => {
  const long = `arn:aws-us-gov:iam::111122223333:role/${"p/".repeat(256)}${"n".repeat(64)}`;
  const assumeRoleArn = `arn:aws-us-gov:iam::111122223333:role/${"q/".repeat(256)}x`;
  const tested = sts({ assumeRoleArn });
  endpoint.answer = ({ accessKeyId }) =>
    accessKeyId === "AKIASERVER"
      ? assumed("ASIAFIRST", new Date(Date.now() + 3_600_000))
      : refusal(403, "AccessDenied", "no");
  for (const identity of [full, { ...full, externalId: null }]) {
    const { message } = await faultOf(tested.assumeRole({ ...identity, arn: long }, never));
    assert.ok(new TextEncoder().encode(message).length <= 500);
    assert.match(message, /sts:TagSession .*must accept the .*session tags, source identity$/);
  }
});

test("assumeRole() AccessDenied: names the server's principal once it is known", async () => {
  const tested = sts();
  endpoint.answer = () => caller("arn:aws:sts::111122223333:assumed-role/node/i-1");
  await tested.callerIdentity();
  endpoint.answer = () => refusal(403, "AccessDenied", "no");
  const { message } = await faultOf(tested.assumeRole(plain, never));
  assert.match(message, /the server's role node of account 111122223333/);
  assert.match(message, /annotate the pod with iam.amazonaws.com\/external-id/);
});

// what STS or something before it answers
const broken = [
  ["a page in HTML", { status: 200, body: "<html><body>Welcome</body></html>" }],
  ["no XML", { status: 200, body: "\u0000\u0001 garbage" }],
  ["nothing", { status: 200, body: "" }],
  ["half of the XML", { status: 200, body: "<AssumeRoleResponse><AssumeRoleResult>" }],
  ["a proxy's refusal", { status: 403, body: "<html>blocked</html>" }],
  ["an expiry that is none", {
    status: 200,
    body: "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId>" +
      "<SecretAccessKey>B</SecretAccessKey><SessionToken>C</SessionToken>" +
      "<Expiration>soon</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
  }],
] as const;

for (const [name, reply] of broken) {
  test(`assumeRole() answered with ${name}: sts_failing, to be tried again`, async () => {
    endpoint.answer = () => reply;
    const fault = await faultOf(sts().assumeRole(plain, never));
    assert.deepEqual([fault.code, fault.retryable], ["sts_failing", true]);
  });
}

for (const reply of ["hang", "stall"] as const) {
  test(`assumeRole() gives up on an STS that ${reply}s`, limit, async () => {
    endpoint.answer = () => reply;
    const timeouts = { requestMs: 60, credentialsMs: 60_000 };
    const fault = await faultOf(sts({ timeouts }).assumeRole(plain, never));
    assert.deepEqual([fault.code, fault.retryable], ["unreachable", true]);
  });
}

test("assumeRole() rejects at once when aborted", limit, async () => {
  endpoint.answer = () => "hang";
  const controller = new AbortController();
  const call = sts().assumeRole(plain, controller.signal);
  controller.abort();
  await faultOf(call);
  await faultOf(sts().assumeRole(plain, controller.signal));
});

test("assumeRole() if nothing listens: unreachable", async () => {
  const gone = await startStsEndpoint();
  await gone.close();
  const fault = await faultOf(sts({ endpoint: gone.url }).assumeRole(plain, never));
  assert.equal(fault.code, "unreachable");
});

test("assumeRole() without credentials of the server's own", async () => {
  const credentials = () =>
    Promise.reject(Object.assign(new Error("no"), { name: "AccessDenied" }));
  const fault = await faultOf(sts({ credentials }).assumeRole(plain, never));
  assert.deepEqual([fault.code, fault.retryable], ["server_credentials", true]);
  assert.equal(endpoint.requests.length, 0);
});

test(
  "assumeRole() doesn't wait for ever for credentials of its own",
  limit,
  async () => {
    const credentials = () => new Promise<never>(() => {});
    const timeouts = { requestMs: 60_000, credentialsMs: 60 };
    const fault = await faultOf(sts({ credentials, timeouts }).assumeRole(plain, never));
    assert.equal(fault.code, "server_credentials");
  },
);

test("assumeRole() requests new credentials after STS refused the server's own", async () => {
  let given = 0;
  const tested = sts({
    credentials: () =>
      Promise.resolve({
        accessKeyId: `AKIA${++given}`,
        secretAccessKey: "secret",
        expiration: new Date(Date.now() + 3_600_000),
      }),
  });
  endpoint.answer = () => refusal(403, "ExpiredToken", "no");
  await faultOf(tested.assumeRole(plain, never));
  endpoint.answer = () => assumed("ASIAEXAMPLE", new Date(Date.now() + 3_600_000));
  await tested.assumeRole(plain, never);
  await tested.assumeRole(plain, never);
  assert.deepEqual(endpoint.requests.map((each) => each.accessKeyId), ["AKIA1", "AKIA2", "AKIA2"]);
});

test("assumeRole() signs with STS's time once an answer has shown that our clock is wrong", async () => {
  const tested = sts();
  const theirs = new Date(Date.now() + 2 * 3_600_000);
  endpoint.answer = () => refusal(403, "SignatureDoesNotMatch", "Signature expired", theirs);
  await faultOf(tested.assumeRole(plain, never));
  await faultOf(tested.assumeRole(plain, never));
  const [first = 0, second = 0] = endpoint.requests.map(({ signedAt }) => signedAt);
  assert.ok(Math.abs(first - Date.now()) < 60_000);
  assert.ok(Math.abs(second - theirs.getTime()) < 60_000);
});

test("--assume-role-arn is assumed first, once, and its session assumes the pods' roles", async () => {
  const first = "arn:aws:iam::444455556666:role/rolecall";
  endpoint.answer = ({ form }) =>
    assumed(
      form.get("RoleArn") === first ? "ASIAFIRST" : "ASIAPOD",
      new Date(Date.now() + 3_600_000),
    );
  const tested = sts({ assumeRoleArn: first });
  const got = await Promise.all([tested.assumeRole(plain, never), tested.assumeRole(full, never)]);
  assert.deepEqual(got.map(({ accessKeyId }) => accessKeyId), ["ASIAPOD", "ASIAPOD"]);
  await tested.assumeRole(plain, never);
  const signers = endpoint.requests.map(({ accessKeyId }) => accessKeyId);
  assert.deepEqual(signers, ["AKIASERVER", "ASIAFIRST", "ASIAFIRST", "ASIAFIRST"]);
  assert.equal(endpoint.requests[0]?.form.get("DurationSeconds"), "3600");
});

test("--assume-role-arn denied: a fault of the server's own, naming it", async () => {
  endpoint.answer = () => refusal(403, "AccessDenied", "no");
  const first = "arn:aws:iam::444455556666:role/rolecall";
  const fault = await faultOf(sts({ assumeRoleArn: first }).assumeRole(plain, never));
  assert.equal(fault.code, "server_credentials");
  assert.match(fault.message, /role\/rolecall \(--assume-role-arn\).*trust policy/);
  endpoint.answer = () => refusal(503, "ServiceUnavailable", "no");
  const passing = await faultOf(sts({ assumeRoleArn: first }).assumeRole(plain, never));
  assert.deepEqual([passing.code, passing.retryable], ["sts_failing", true]);
});

test("callerIdentity() gives account, ARN and partition", async () => {
  endpoint.answer = () => caller("arn:aws-cn:sts::111122223333:assumed-role/node/i-1");
  assert.deepEqual(await sts().callerIdentity(), {
    account: "111122223333",
    arn: "arn:aws-cn:sts::111122223333:assumed-role/node/i-1",
    partition: "aws-cn",
  });
});

test("callerArns() names the principal that assumes, then the one it came by", async () => {
  endpoint.answer = ({ form, accessKeyId }) =>
    form.get("Action") === "AssumeRole"
      ? assumed("ASIAFIRST", new Date(Date.now() + 3_600_000))
      : caller(`arn:aws:sts::111122223333:assumed-role/${accessKeyId}/s`);
  const arns = await sts({ assumeRoleArn: arn }).callerArns();
  assert.deepEqual(arns, [
    "arn:aws:sts::111122223333:assumed-role/ASIAFIRST/s",
    "arn:aws:sts::111122223333:assumed-role/AKIASERVER/s",
  ]);
  endpoint.answer = () => caller("arn:aws:iam::111122223333:user/dev");
  assert.deepEqual(await sts().callerArns(), ["arn:aws:iam::111122223333:user/dev"]);
});

test("callerIdentity() refuses an answer without an identity, and passes faults on", async () => {
  endpoint.answer = () => caller("nobody");
  assert.equal((await faultOf(sts().callerIdentity())).code, "sts_failing");
  endpoint.answer = () => refusal(403, "InvalidClientTokenId", "no");
  const fault = await faultOf(sts().callerIdentity());
  assert.deepEqual([fault.code, fault.retryable], ["server_credentials", true]);
});
