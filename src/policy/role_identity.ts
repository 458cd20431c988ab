/** The key under which equal AssumeRole calls share their credentials. */
import { createHash } from "node:crypto";
import type { RoleIdentity } from "./facts.ts";

/**
 * SHA-256 in hex: two identities have the same key exactly if they are equal. The order of tags counts.
 */
export function identityKey(identity: RoleIdentity): string {
  const { arn, sessionName, externalId, durationSeconds, tags } = identity;
  // JSON keeps the fields separate whatever they contain, and null distinct from any text.
  const encoded = JSON.stringify([arn, sessionName, externalId, durationSeconds, tags]);
  return createHash("sha256").update(encoded).digest("hex");
}
