/**
 * Policies that deny the sessions of some pods issued before an instant, and the other pods that
 * they affect. Pure.
 */
import { parseCallerIdentity } from "../policy/caller_identity.ts";
import { reservedRoles } from "../policy/reserved_roles.ts";
import { parseRoleArn } from "../policy/role_arn.ts";

/** A pod's role session, of the status API. */
interface PodSession {
  readonly namespace: string;
  readonly name: string;
  readonly node: string | null;
  readonly roleArn: string | null;
  readonly sessionName: string | null;
  readonly sourceIdentity: string | null;
}

export type Subject =
  | { readonly kind: "pod"; readonly namespace: string; readonly name: string }
  | { readonly kind: "node"; readonly name: string }
  | { readonly kind: "role"; readonly arn: string };

export interface RevokedRole {
  readonly arn: string;
  /** Null: every session of the role. */
  readonly sessionNames: readonly string[] | null;
  /** What to consider before adding the policy, one line each. */
  readonly warnings: readonly string[];
  /** An inline policy for the role. */
  readonly policyName: string;
  readonly policy: object;
  /** `NAMESPACE/NAME` of the pods that it is meant for. */
  readonly pods: readonly string[];
  /** Other pods with sessions that it denies too. */
  readonly alsoAffected: readonly string[];
}

interface ServerState {
  readonly all: readonly PodSession[];
  /** `YYYY-MM-DDTHH:MM:SSZ`. */
  readonly issuedBefore: string;
  /** ARNs of the principals that the server runs as. */
  readonly callerArns: readonly string[];
}

/** What to add to each role that the subject concerns. */
export function revocation(
  subject: Subject,
  { all, issuedBefore, callerArns }: ServerState,
): RevokedRole[] {
  const isServerRole = reservedRoles(callerArns.filter((arn) => parseCallerIdentity(arn) !== null));
  const sessions = all.filter(({ roleArn }) => roleArn !== null);
  const selected = sessions.filter((one) => isSelected(subject, one));
  const arns = subject.kind === "role"
    ? [subject.arn]
    : [...new Set(selected.map(({ roleArn }) => roleArn!))].sort();
  const policyName = `rolecall-revoke-${issuedBefore.replaceAll(/[-:]/g, "")}`;
  return arns.map((arn) => {
    const ofRole = selected.filter(({ roleArn }) => roleArn === arn);
    const others = sessions.filter((one) =>
      one.roleArn === arn && !ofRole.includes(one) &&
      ofRole.some((revoked) => isDenied(one, revoked))
    );
    const whole = subject.kind === "role";
    const policy = {
      Version: "2012-10-17",
      Statement: whole ? [denial(issuedBefore, {})] : statements(ofRole, issuedBefore),
    };
    const { length } = JSON.stringify(policy);
    const role = parseRoleArn(arn);
    return {
      arn,
      sessionNames: whole ? null : [...new Set(ofRole.map(({ sessionName }) => sessionName!))],
      warnings: [
        ...(length > maxInline ? [tooLong(length)] : []),
        ...(role.kind === "role" && isServerRole(role.role) ? [ownRole] : []),
      ],
      policyName,
      policy,
      pods: ofRole.map(podName),
      alsoAffected: others.map(podName),
    };
  });
}

/** IAM's quota for all inline policies of a role together, without white space. */
const maxInline = 10_240;

function tooLong(length: number): string {
  return `the policy has ${length} characters, and IAM accepts ${maxInline} for all inline policies of ` +
    "a role: revoke role/ARN, or fewer pods";
}

const ownRole =
  "the server runs as this role: until it has new credentials, which can take hours with an " +
  "instance profile, it assumes no role for any pod";

function isSelected(subject: Subject, { namespace, name, node, roleArn }: PodSession): boolean {
  if (subject.kind === "node") return node === subject.name;
  if (subject.kind === "role") return roleArn === subject.arn;
  return namespace === subject.namespace && name === subject.name;
}

/** Whether denying `revoked` denies this session too; without a source identity, the name decides. */
function isDenied({ sessionName, sourceIdentity }: PodSession, revoked: PodSession): boolean {
  return sessionName === revoked.sessionName &&
    (revoked.sourceIdentity === null || revoked.sourceIdentity === sourceIdentity);
}

function podName({ namespace, name }: PodSession): string {
  return `${namespace}/${name}`;
}

/** A statement for each source identity, since conditions on two keys allow all combinations. */
function statements(sessions: readonly PodSession[], issuedBefore: string): object[] {
  const bySource = Map.groupBy(sessions, ({ sourceIdentity }) => sourceIdentity);
  return [...bySource].map(([sourceIdentity, members]) => {
    const names = [...new Set(members.map(({ sessionName }) => `*:${sessionName}`))];
    return denial(issuedBefore, {
      // A session's user ID is `ROLE-ID:SESSION-NAME`, and neither has a colon or a wildcard.
      StringLike: { "aws:userid": names },
      ...(sourceIdentity === null
        ? {}
        : { StringEquals: { "aws:SourceIdentity": sourceIdentity } }),
    });
  });
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html */
function denial(issuedBefore: string, which: object): object {
  const Condition = { DateLessThan: { "aws:TokenIssueTime": issuedBefore }, ...which };
  return { Effect: "Deny", Action: "*", Resource: "*", Condition };
}
