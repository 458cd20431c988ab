/** The policy's settings: from flags and from the server's own AWS identity. */
import { parseCallerIdentity } from "../policy/caller_identity.ts";
import type { PolicySettings } from "../policy/facts.ts";
import { formatRoleBaseArn } from "../policy/role_base.ts";
import type { ServerSettings } from "./config.ts";
import type { Log } from "../telemetry/log.ts";

/** `callerArns` is empty until they are known. */
export function policySettings(
  settings: ServerSettings,
  callerArns: readonly string[],
): PolicySettings {
  const { policy, assumeRoleArn } = settings;
  return {
    ...policy,
    roleBaseArn: policy.roleBaseArn ?? roleBaseOf(callerArns[0]),
    maxSessionDurationSeconds: assumeRoleArn === null ? policy.maxSessionDurationSeconds : 3600,
    reservedRoleArns: [...callerArns, ...(assumeRoleArn === null ? [] : [assumeRoleArn])],
  };
}

/** An ARN of unknown form can't be reserved; that is logged, and everything else works. */
export function isCaller(arn: string, log: Log): boolean {
  if (parseCallerIdentity(arn) !== null) return true;
  log.warn({ arn }, "own AWS identity has an unknown form; its role isn't reserved");
  return false;
}

/** Roles without an ARN belong to the server's own account. */
function roleBaseOf(callerArn: string | undefined): string | null {
  const caller = callerArn === undefined ? null : parseCallerIdentity(callerArn);
  return caller === null ? null : formatRoleBaseArn(caller.base);
}
