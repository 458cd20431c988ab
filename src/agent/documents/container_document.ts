/** The body of a container credentials answer, as ECS and EKS lay it out. */
import type { CredentialsFrame } from "../../protocol/frames.ts";

const encoder = new TextEncoder();

/** Unlike EC2's document it has no `Code`; `AccountId` is the role's, which newer SDKs route by. */
export function containerDocument(credentials: CredentialsFrame, roleArn: string): Uint8Array {
  return encoder.encode(JSON.stringify({
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey,
    Token: credentials.sessionToken,
    Expiration: `${new Date(credentials.expiration).toISOString().slice(0, 19)}Z`,
    AccountId: roleArn.split(":")[4] ?? "",
  }));
}
