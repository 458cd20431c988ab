/** The documents with a role's credentials, laid out as EC2, ECS and EKS lay them out. */
import { createHash } from "node:crypto";
import type { CredentialsFrame } from "../../protocol/frames.ts";
import { instant } from "../../time/instant.ts";

/** How the metadata service's paths begin: the source of a regular expression. */
export const imdsVersion = "(?:latest|1\\.0|\\d\\d\\d\\d-\\d\\d-\\d\\d)";

const encoder = new TextEncoder();

/**
 * The metadata service's credentials document. All fields are present and flat, `Code` is exactly
 * `Success`, dates end in `Z` without a fraction: some SDK requires each of these.
 */
export function credentialsDocument(credentials: CredentialsFrame): Uint8Array {
  return document([
    ["Code", "Success"],
    ["LastUpdated", instant(Date.parse(credentials.lastUpdated))],
    ["Type", "AWS-HMAC"],
    ["AccessKeyId", credentials.accessKeyId],
    ["SecretAccessKey", credentials.secretAccessKey],
    ["Token", credentials.sessionToken],
    ["Expiration", instant(Date.parse(credentials.expiration))],
  ]);
}

/**
 * The body of a container credentials reply, as ECS and EKS write it. Unlike EC2's document it has no
 * `Code`; `AccountId` is the role's, which newer SDKs use to choose an endpoint.
 */
export function containerDocument(credentials: CredentialsFrame, roleArn: string): Uint8Array {
  return encoder.encode(JSON.stringify({
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey,
    Token: credentials.sessionToken,
    Expiration: instant(Date.parse(credentials.expiration)),
    AccountId: roleArn.split(":")[4] ?? "",
  }));
}

/**
 * The `iam/info` document: the role as the instance profile of the same path and name. The profile's
 * ID is derived from the ARN, so it is stable.
 */
export function infoDocument(role: { arn: string; lastUpdated: string }): Uint8Array {
  return document([
    ["Code", "Success"],
    ["LastUpdated", instant(Date.parse(role.lastUpdated))],
    ["InstanceProfileArn", role.arn.replace(":role/", ":instance-profile/")],
    ["InstanceProfileId", profileId(role.arn)],
  ]);
}

function document(fields: readonly (readonly [name: string, value: string])[]): Uint8Array {
  const lines = fields.map(([name, value]) => `  "${name}" : ${JSON.stringify(value)}`);
  return encoder.encode(`{\n${lines.join(",\n")}\n}`);
}

function profileId(arn: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bytes = createHash("sha256").update(arn).digest().subarray(0, 17);
  return `AIPA${Array.from(bytes, (byte) => alphabet[byte % 32]).join("")}`;
}
