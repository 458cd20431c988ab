/**
 * The roles that the server itself runs as: nobody gets them, whatever a namespace permits. Entries
 * are role ARNs from settings and what GetCallerIdentity says.
 */
import { shown } from "./denial_text.ts";
import { parseCallerIdentity } from "./caller_identity.ts";
import type { RoleArn } from "./role_arn.ts";

/** A setting that policy can't work with; nothing is decided on a guess. */
export class PolicySettingsFault extends Error {
  readonly code = "policy_settings_invalid";
  override readonly name = "PolicySettingsFault";
}

/**
 * Tells whether a role is reserved. Account and name decide: IAM keeps names unique within an account
 * whatever their path and case, and an assumed role's ARN has lost its path.
 * @throws {PolicySettingsFault} an entry is no ARN of a role, an assumed role, a user or root.
 */
export function reservedRoles(arns: readonly string[]): (role: RoleArn) => boolean {
  const keys = new Set(arns.map(keyOfEntry));
  return (role) => keys.has(key(role.account, role.name));
}

function keyOfEntry(arn: string): string | null {
  const caller = parseCallerIdentity(arn);
  if (caller === null) {
    throw new PolicySettingsFault(
      `reserved role "${shown(arn, 200)}": expected the ARN of a role or of a caller identity`,
    );
  }
  return caller.roleName === null ? null : key(caller.base.account, caller.roleName);
}

function key(account: string, name: string): string {
  return `${account}/${name.toLowerCase()}`;
}
