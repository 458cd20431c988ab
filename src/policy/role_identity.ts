/** The key under which equal AssumeRole calls share their credentials. */
import { createHash } from "node:crypto";
import type { RoleIdentity } from "./facts.ts";

/**
 * SHA-256 in hex: two identities have the same key exactly if they are equal. The order of tags counts.
 */
export function identityKey(identity: RoleIdentity): string {
  return createHash("sha256").update(JSON.stringify(fieldsOf(identity))).digest("hex");
}

/** JSON keeps the fields separate whatever they contain, and null distinct from any text. */
function fieldsOf(identity: RoleIdentity): readonly unknown[] {
  const { arn, sessionName, externalId, durationSeconds, sourceIdentity, assumedBy } = identity;
  const { tags, transitiveTagKeys, policyArns, policy, webIdentity } = identity;
  return [
    [arn, sessionName, externalId, durationSeconds, sourceIdentity],
    [tags, transitiveTagKeys, policyArns, policy],
    assumedBy === null ? null : fieldsOf(assumedBy),
    webIdentity === null
      ? null
      : [webIdentity.namespace, webIdentity.serviceAccount, webIdentity.audience],
  ];
}
