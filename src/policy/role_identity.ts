/** One text for all that makes an AssumeRole call, so that equal calls can share their credentials. */
import { createHash } from "node:crypto";
import type { RoleIdentity } from "./facts.ts";

/**
 * SHA-256 in hex: equal identities have equal keys, others don't. Tags count in their order.
 */
export function identityKey(identity: RoleIdentity): string {
  const { arn, sessionName, externalId, durationSeconds, tags } = identity;
  // A JSON array keeps the fields apart whatever they hold, and null apart from every text.
  const encoded = JSON.stringify([arn, sessionName, externalId, durationSeconds, tags]);
  return createHash("sha256").update(encoded).digest("hex");
}
