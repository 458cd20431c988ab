/** Explains the AWS SDK's warnings, and its errors before it sends anything, to the operator. */
import { messageOf, oneLine } from "../telemetry/fault.ts";

/** The SDK's endpoint rules don't combine these with a custom endpoint. */
const conflicts: Readonly<Record<string, string>> = {
  FIPS: "FIPS (AWS_USE_FIPS_ENDPOINT, use_fips_endpoint or a region such as us-east-1-fips)",
  Dualstack: "dual stack (AWS_USE_DUALSTACK_ENDPOINT or use_dualstack_endpoint)",
};

const ownEndpoint = "a custom endpoint (AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL or endpoint_url)";

/** Values that this SDK silently takes for false and other AWS SDKs refuse, one line each. */
export function switchProblems(env: Readonly<Record<string, string | undefined>>): string[] {
  return ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"]
    .filter((name) => !["", "true", "false"].includes(env[name] ?? ""))
    .map((name) => `${name}: ${JSON.stringify(env[name])} is not valid; expected true or false`);
}

/** Passes the SDK's warnings to `warn`, one line each; without a logger the SDK prints them itself. */
export function sdkLogger(warn: (problem: string) => void) {
  const ignored = () => {};
  const text = (...parts: readonly unknown[]) => warn(warning(parts.join(" ")));
  return { debug: ignored, info: ignored, error: ignored, warn: text };
}

function warning(text: string): string {
  return text.includes("Multiple credential sources detected")
    ? "AWS_PROFILE and AWS_ACCESS_KEY_ID are both set, and the profile is used: unset one of them"
    : `the AWS SDK warns: ${oneLine(text)}`;
}

/** One line about an error that the SDK threw before sending a request of known content. */
export function configurationProblem(error: unknown): string {
  const message = messageOf(error);
  if (isRegionMissing(error)) return "--region: no AWS region is set; set it or AWS_REGION";
  const [, region] = /^Region not accepted: region="([^"]*)"/.exec(message) ?? [];
  if (region !== undefined) {
    return `--region: "${region}", from AWS_REGION or the profile if not from the flag, is not ` +
      "valid; expected a region such as eu-west-1";
  }
  if (message.startsWith("Invalid URL")) return `AWS settings: ${ownEndpoint} is not a URL`;
  const [, kind = ""] = /(FIPS|Dualstack) and custom endpoint/.exec(message) ?? [];
  const conflict = conflicts[kind];
  if (conflict !== undefined) {
    return `AWS settings: ${conflict} and ${ownEndpoint} exclude each other; remove one, or set ` +
      "--sts-endpoint, which is used as it is";
  }
  const line = oneLine(message).replace(/\.$/, "");
  return `AWS settings: the AWS SDK refuses them: ${line}; check --region, --sts-endpoint, the ` +
    "AWS_ variables and the profile";
}

export function isRegionMissing(error: unknown): boolean {
  return error instanceof Error && error.message === "Region is missing";
}
