/**
 * The sessions that the embedded STS issues. It keeps none of them: a session token says everything
 * about its session, in plain text.
 */
import { Buffer } from "node:buffer";
import * as v from "valibot";
import { parsedJson } from "../../net/json.ts";

const tags = v.record(v.string(), v.string());
const session = v.object({
  accessKeyId: v.string(),
  /** `arn:…:sts::ACCOUNT:assumed-role/ROLE/SESSION` */
  arn: v.string(),
  /** With its path. */
  roleArn: v.string(),
  userId: v.string(),
  account: v.string(),
  expiresAt: v.number(),
  tags,
  /** Of the tags, those that sessions assumed from this one inherit. */
  transitiveTags: tags,
  sourceIdentity: v.optional(v.string()),
  /** The inline session policy, as JSON. */
  policy: v.optional(v.string()),
  policyArns: v.array(v.string()),
});

export type Session = v.InferOutput<typeof session>;

const tokenPrefix = "FAKE-SESSION-OF-ROLECALL-DEV.";

export function writeSessionToken(issued: Session): string {
  return tokenPrefix + Buffer.from(JSON.stringify(issued)).toString("base64url");
}

/** Undefined if the token isn't one of ours. */
export function readSessionToken(token: string): Session | undefined {
  if (!token.startsWith(tokenPrefix)) return undefined;
  const text = Buffer.from(token.slice(tokenPrefix.length), "base64url").toString();
  const read = v.safeParse(session, parsedJson(text));
  return read.success ? read.output : undefined;
}
