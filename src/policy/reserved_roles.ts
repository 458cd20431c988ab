/**
 * Roles that no pod gets, whatever its namespace permits: those that the server itself runs as.
 * Their ARNs come from settings and from GetCallerIdentity.
 */
import { shown } from "./denial_text.ts";
import { parseCallerIdentity } from "./caller_identity.ts";
import type { RoleArn } from "./role_arn.ts";

/** A setting that can't be used; the policy doesn't guess. */
export class PolicySettingsFault extends Error {
  readonly code = "policy_settings_invalid";
  override readonly name = "PolicySettingsFault";
}

/**
 * Returns a test for reserved roles. It compares account and name: IAM role names are unique within an
 * account regardless of path and case, and an assumed role's ARN doesn't include the path.
 * @throws {PolicySettingsFault} an entry is not the ARN of a role, an assumed role, a user or root.
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
