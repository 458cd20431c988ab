/**
 * Parses the ARN that GetCallerIdentity returns: the account and partition for roles given by name,
 * and the role, if any, that the caller runs as.
 */
import { splitArn } from "./role_arn.ts";
import type { RoleBase } from "./role_base.ts";

interface CallerIdentity {
  /** The caller's partition and account, without a path. */
  readonly base: RoleBase;
  /**
   * The role it runs as, without path (the ARN of an assumed role doesn't include it). Null for
   * users, federated users and the root user.
   */
  readonly roleName: string | null;
}

const roleSession = /^assumed-role\/([A-Za-z0-9_+=,.@-]{1,64})\/[A-Za-z0-9_+=,.@-]{2,64}$/;
const role = /^role\/(?:[\x21-\x7e]+\/)?([A-Za-z0-9_+=,.@-]{1,64})$/;
const roleless = /^(?:root|(?:user|federated-user)\/[\x21-\x7e]+)$/;

/** The caller, or null if the ARN isn't one of the forms that GetCallerIdentity returns. */
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
