/**
 * What the ARN that GetCallerIdentity returns says of roles: the account and partition in which names
 * without ARN lie, and which role, if any, the caller runs as.
 */
import { splitArn } from "./role_arn.ts";
import type { RoleBase } from "./role_base.ts";

export interface CallerIdentity {
  /** The caller's partition and account, without a path. */
  readonly base: RoleBase;
  /**
   * The role that it runs as, without path: the ARN of an assumed role doesn't tell it. Null for
   * users, federated users and the account's root.
   */
  readonly roleName: string | null;
}

const roleSession = /^assumed-role\/([A-Za-z0-9_+=,.@-]{1,64})\/[A-Za-z0-9_+=,.@-]{2,64}$/;
const role = /^role\/(?:[\x21-\x7e]+\/)?([A-Za-z0-9_+=,.@-]{1,64})$/;
const roleless = /^(?:root|(?:user|federated-user)\/[\x21-\x7e]+)$/;

/** The caller behind the ARN, or null where it isn't one of the forms that GetCallerIdentity gives. */
export function parseCallerIdentity(arn: string): CallerIdentity | null {
  const parts = arn.length > 2048 ? null : splitArn(arn);
  if (parts === null || parts.region !== "") return null;
  const { partition, service, account, resource } = parts;
  if (!/^aws(?:-[a-z]+)*$/.test(partition) || !/^[0-9]{12}$/.test(account)) return null;
  if (service !== "sts" && service !== "iam") return null;
  const name = (service === "sts" ? roleSession : role).exec(resource)?.[1] ?? null;
  if (name === null && !roleless.test(resource)) return null;
  return { base: { partition, account, path: "/" }, roleName: name };
}
