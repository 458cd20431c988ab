/** Which host is called, by region and setting, and what the SDK refuses or warns of. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { env } from "node:process";
import { test } from "node:test";
import { systemClock } from "../time/system_clock.ts";
import { StsClient } from "./sts_client.ts";

type Settings = Readonly<Record<string, string>>;

const timeouts = { requestMs: 60_000, credentialsMs: 60_000 };

/** A client whose requests are noted and fail. */
function clientOf(region: string | undefined, endpoint: string | undefined) {
  const hosts: string[] = [];
  const fetch = (url: string) => {
    hosts.push(new URL(url).host);
    return Promise.reject(Object.assign(new Error("not sent"), { code: "ECONNREFUSED" }));
  };
  const credentials = () => Promise.resolve({ accessKeyId: "AKIA", secretAccessKey: "x" });
  const http = { fetch };
  const warn = (problem: string) => assert.fail(problem);
  const options = { region, endpoint, credentials, timeouts, clock: systemClock, http, warn };
  return { client: new StsClient(options), hosts };
}

/** Runs with variables of the SDK in the environment, and none of the machine's. */
async function withSettings<T>(settings: Settings, run: () => Promise<T>): Promise<T> {
  const names = Object.keys(env).filter((name) => name.startsWith("AWS_"));
  const before = names.map((name) => [name, env[name]] as const);
  for (const name of names) delete env[name];
  Object.assign(env, { AWS_CONFIG_FILE: "/none", AWS_SHARED_CREDENTIALS_FILE: "/none" }, settings);
  try {
    return await run();
  } finally {
    for (const name of Object.keys(env)) if (name.startsWith("AWS_")) delete env[name];
    for (const [name, value] of before) env[name] = value;
  }
}

const fips = { AWS_USE_FIPS_ENDPOINT: "true" };
const dualStack = { AWS_USE_DUALSTACK_ENDPOINT: "true" };
const own = "https://vpce-1.sts.example:8443";

// region, endpoint, settings of the SDK, host
const hosts = [
  ["us-east-1", undefined, {}, "sts.us-east-1.amazonaws.com"],
  ["eu-west-1", undefined, {}, "sts.eu-west-1.amazonaws.com"],
  ["cn-north-1", undefined, {}, "sts.cn-north-1.amazonaws.com.cn"],
  ["us-gov-west-1", undefined, {}, "sts.us-gov-west-1.amazonaws.com"],
  ["us-iso-east-1", undefined, {}, "sts.us-iso-east-1.c2s.ic.gov"],
  ["us-isob-east-1", undefined, {}, "sts.us-isob-east-1.sc2s.sgov.gov"],
  ["eusc-de-east-1", undefined, {}, "sts.eusc-de-east-1.amazonaws.eu"],
  ["us-east-1", undefined, fips, "sts-fips.us-east-1.amazonaws.com"],
  ["us-east-1-fips", undefined, {}, "sts-fips.us-east-1.amazonaws.com"],
  [undefined, undefined, { AWS_REGION: "us-east-1-fips" }, "sts-fips.us-east-1.amazonaws.com"],
  ["us-gov-west-1", undefined, fips, "sts.us-gov-west-1.amazonaws.com"],
  ["eu-west-1", undefined, dualStack, "sts.eu-west-1.api.aws"],
  ["eu-west-1", own, fips, "vpce-1.sts.example:8443"],
  ["eu-west-1", own, dualStack, "vpce-1.sts.example:8443"],
  ["us-east-1-fips", own, {}, "vpce-1.sts.example:8443"],
  [undefined, own, {}, "vpce-1.sts.example:8443"],
  ["eu-west-1", undefined, { AWS_ENDPOINT_URL_STS: own }, "vpce-1.sts.example:8443"],
] as const;

for (const [region, endpoint, settings, host] of hosts) {
  const names = Object.keys(settings);
  test(`StsClient in ${region} at ${endpoint} with ${names}: ${host}`, async () => {
    await withSettings(settings, async () => {
      const { client, hosts } = clientOf(region, endpoint);
      const call = client.send((sdk, sts, options) =>
        sts.send(new sdk.GetCallerIdentityCommand({}), options)
      );
      await assert.rejects(call, { code: "ECONNREFUSED" });
      assert.deepEqual(hosts, [host]);
      assert.equal(await client.configurationProblem(), null);
      await client.close();
    });
  });
}

const custom = { AWS_ENDPOINT_URL_STS: "http://127.0.0.1:4566" };

// region, settings, what the operator reads
const problems = [
  [undefined, {}, /^--region: no AWS region is set; set it or AWS_REGION$/],
  ["eu west", {}, /^--region: "eu west", from .* is not valid; expected a region/],
  ["eu-west-1", { ...custom, ...fips }, /FIPS \(AWS_USE_FIPS_ENDPOINT.*AWS_ENDPOINT_URL_STS/],
  ["eu-west-1-fips", custom, /a region such as us-east-1-fips\) and a custom endpoint/],
  ["eu-west-1", { ...custom, ...dualStack }, /AWS_USE_DUALSTACK_ENDPOINT.*AWS_ENDPOINT_URL_STS/],
  ["eu-west-1", { AWS_ENDPOINT_URL_STS: "nowhere" }, /endpoint_url\) is not a URL$/],
  [
    "eu-west-1",
    { AWS_DEFAULTS_MODE: "x" },
    /AWS settings: the AWS SDK refuses them: .*"defaultsMode"/,
  ],
] as const;

for (const [region, settings, problem] of problems) {
  test(`StsClient in ${region} with ${JSON.stringify(settings)}: a problem`, async () => {
    await withSettings(settings, async () => {
      const { client, hosts } = clientOf(region, undefined);
      assert.match(await client.configurationProblem() ?? "", problem);
      const call = client.send((sdk, sts, options) =>
        sts.send(new sdk.GetCallerIdentityCommand({}), options)
      );
      await assert.rejects(call, { code: "configuration", retryable: false });
      assert.deepEqual(hosts, []);
    });
  });
}

test("StsClient with a profile and keys: the profile is used, and one line says so", async () => {
  const folder = mkdtempSync(join(tmpdir(), "rolecall-sts-test-"));
  const profiles = join(folder, "credentials");
  writeFileSync(profiles, "[p]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = x\n");
  const settings = {
    AWS_PROFILE: "p",
    AWS_SHARED_CREDENTIALS_FILE: profiles,
    AWS_ACCESS_KEY_ID: "AKIAKEYS",
    AWS_SECRET_ACCESS_KEY: "x",
    AWS_EC2_METADATA_DISABLED: "true",
  };
  const warnings: string[] = [];
  await withSettings(settings, async () => {
    const client = new StsClient({
      region: "eu-west-1",
      endpoint: undefined,
      credentials: undefined,
      timeouts,
      clock: systemClock,
      http: { fetch: () => assert.fail("sent") },
      warn: (problem) => warnings.push(problem),
    });
    const found = await client.send((_, sts) => sts.config.credentials());
    assert.equal(found.accessKeyId, "AKIAPROFILE");
    await client.close();
  });
  rmSync(folder, { recursive: true });
  assert.deepEqual(warnings, [
    "AWS_PROFILE and AWS_ACCESS_KEY_ID are both set, and the profile is used: unset one of them",
  ]);
});
