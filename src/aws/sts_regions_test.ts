/** Which host is asked, by region and setting, as the SDK resolves it for our client. */
import assert from "node:assert/strict";
import { env } from "node:process";
import { test } from "node:test";
import { systemClock } from "../time/system_clock.ts";
import { StsClient } from "./sts_client.ts";

const timeouts = { connectMs: 1000, requestMs: 1000, credentialsMs: 1000 };

/** The host of one call, which isn't sent. */
async function hostAsked(region: string, settings: Readonly<Record<string, string>>) {
  const before = Object.keys(settings).map((name) => [name, env[name]] as const);
  Object.assign(env, settings);
  const credentials = () => Promise.resolve({ accessKeyId: "AKIA", secretAccessKey: "x" });
  const client = new StsClient({
    region,
    endpoint: undefined,
    credentials,
    timeouts,
    clock: systemClock,
  });
  try {
    let host = "";
    await client.send(async (sdk, sts, options) => {
      sts.middlewareStack.add(
        () => (args) => {
          host = (args.request as { hostname: string }).hostname;
          return Promise.resolve({ response: {}, output: { $metadata: {} } } as never);
        },
        { step: "finalizeRequest", priority: "low" },
      );
      await sts.send(new sdk.GetCallerIdentityCommand({}), options);
    });
    return host;
  } finally {
    await client.close();
    for (const [name, value] of before) value === undefined ? delete env[name] : env[name] = value;
  }
}

const fips = { AWS_USE_FIPS_ENDPOINT: "true" };
const dualStack = { AWS_USE_DUALSTACK_ENDPOINT: "true" };

// region, settings of the SDK, host
const hosts = [
  ["us-east-1", {}, "sts.us-east-1.amazonaws.com"],
  ["eu-west-1", {}, "sts.eu-west-1.amazonaws.com"],
  ["cn-north-1", {}, "sts.cn-north-1.amazonaws.com.cn"],
  ["us-gov-west-1", {}, "sts.us-gov-west-1.amazonaws.com"],
  ["us-iso-east-1", {}, "sts.us-iso-east-1.c2s.ic.gov"],
  ["us-isob-east-1", {}, "sts.us-isob-east-1.sc2s.sgov.gov"],
  ["eusc-de-east-1", {}, "sts.eusc-de-east-1.amazonaws.eu"],
  ["us-east-1", fips, "sts-fips.us-east-1.amazonaws.com"],
  ["us-gov-west-1", fips, "sts.us-gov-west-1.amazonaws.com"],
  ["eu-west-1", dualStack, "sts.eu-west-1.api.aws"],
] as const;

for (const [region, settings, host] of hosts) {
  test(`StsClient in ${region} ${Object.keys(settings)}: ${host}`, async () => {
    assert.equal(await hostAsked(region, settings), host);
  });
}
