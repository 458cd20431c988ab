/** What the policy is to go by: the flags, and what the server's own AWS identity adds to them. */
import { parseCallerIdentity } from "../policy/caller_identity.ts";
import type { PolicySettings } from "../policy/facts.ts";
import { formatRoleBaseArn } from "../policy/role_base.ts";
import type { ServerSettings } from "./config.ts";
import type { Log } from "../telemetry/log.ts";

/** For one set of flags; `callerArns` is empty as long as they aren't known. */
export function policySettings(
  settings: ServerSettings,
  callerArns: readonly string[],
): PolicySettings {
  const chained = settings.assumeRoleArn !== null;
  return {
    roleBaseArn: settings.roleBaseArn ?? roleBaseOf(callerArns[0]),
    permittedMatch: settings.permittedMatch,
    honourAllowedRoles: settings.honourAllowedRoles,
    sessionNameTemplate: settings.sessionNameTemplate,
    sessionDurationSeconds: settings.sessionDurationSeconds,
    maxSessionDurationSeconds: chained ? 3600 : 43_200,
    sessionTags: settings.sessionTags,
    clusterName: settings.clusterName,
    reservedRoleArns: [
      ...callerArns,
      ...(settings.assumeRoleArn === null ? [] : [settings.assumeRoleArn]),
    ],
  };
}

/** What can't be read names no role that could be kept from pods; everything else goes on. */
export function isCaller(arn: string, log: Log): boolean {
  if (parseCallerIdentity(arn) !== null) return true;
  log.warn({ arn }, "own AWS identity has an unknown form: the role behind it isn't reserved");
  return false;
}

/** The caller's account is where roles named without ARN are. */
function roleBaseOf(callerArn: string | undefined): string | null {
  const caller = callerArn === undefined ? null : parseCallerIdentity(callerArn);
  return caller === null ? null : formatRoleBaseArn(caller.base);
}
