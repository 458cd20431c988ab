/** STS's responses, validated. */
import * as v from "valibot";
import { unreadableFault } from "./sts_fault.ts";

/** Times in milliseconds since the epoch. */
export interface StsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiresAt: number;
  readonly issuedAt: number;
}

export interface CallerIdentity {
  readonly account: string;
  readonly arn: string;
  /** `aws`, `aws-cn`, `aws-us-gov` and so on. */
  readonly partition: string;
}

const text = v.pipe(v.string(), v.nonEmpty());

const assumed = v.object({
  Credentials: v.object({
    AccessKeyId: text,
    SecretAccessKey: text,
    SessionToken: text,
    Expiration: v.date(),
  }),
});

const caller = v.object({
  Account: v.pipe(v.string(), v.regex(/^\d{12}$/)),
  Arn: v.pipe(v.string(), v.regex(/^arn:[^:]+:/)),
});

/** @throws {StsFault} not an AssumeRole response */
export function credentialsOf(response: unknown, now: number): StsCredentials {
  const parsed = v.safeParse(assumed, response);
  if (!parsed.success) throw unreadableFault("AssumeRole");
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = parsed.output.Credentials;
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
    expiresAt: Expiration.getTime(),
    issuedAt: now,
  };
}

/** @throws {StsFault} not a GetCallerIdentity response */
export function callerOf(response: unknown): CallerIdentity {
  const parsed = v.safeParse(caller, response);
  if (!parsed.success) throw unreadableFault("GetCallerIdentity");
  const { Account, Arn } = parsed.output;
  return { account: Account, arn: Arn, partition: Arn.split(":")[1] ?? "" };
}
