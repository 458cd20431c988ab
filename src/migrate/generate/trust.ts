/** The statements by which roles trust ServiceAccounts, through IRSA or EKS Pod Identity. Pure. */
import { tokenSubject } from "../../policy/facts.ts";

export interface PlannedAccount {
  readonly namespace: string;
  readonly name: string;
  readonly roleArn: string;
  /** The ServiceAccount that its pods have now; null if they keep it. */
  readonly splitFrom: string | null;
  /** What has to name it as `serviceAccountName`, such as `deployment/web`. */
  readonly workloads: readonly string[];
}

export type Target =
  | {
    readonly kind: "irsa";
    /** Without `https://`. */
    readonly issuer: string;
    readonly audience: string;
  }
  | { readonly kind: "pod-identity"; readonly clusterName: string };

export interface TrustedRole {
  readonly arn: string;
  readonly statements: readonly TrustStatement[];
}

interface TrustStatement {
  readonly Effect: "Allow";
  readonly Principal: Readonly<Record<string, string>>;
  readonly Action: string | readonly string[];
  readonly Condition: Readonly<
    Record<string, Readonly<Record<string, string | readonly string[]>>>
  >;
}

/** What each role has to allow besides what it allows now. */
export function trustPolicies(accounts: readonly PlannedAccount[], target: Target): TrustedRole[] {
  const byRole = Map.groupBy(accounts, ({ roleArn }) => roleArn);
  return [...byRole].sort(([a], [b]) => a < b ? -1 : 1).map(([arn, members]) => ({
    arn,
    statements: target.kind === "irsa"
      ? [webIdentity(arn, members, target)]
      // A statement for each namespace: conditions on two keys allow every combination of theirs.
      : [...Map.groupBy(members, ({ namespace }) => namespace)].map(([namespace, ofNamespace]) =>
        podIdentity(namespace, ofNamespace.map(({ name }) => name), target)
      ),
  }));
}

/** The ARN of the cluster's OIDC provider in the role's account. */
export function providerOf(roleArn: string, issuer: string): string {
  return roleArn.replace(/:role\/.*$/s, `:oidc-provider/${issuer}`);
}

/** https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html */
function webIdentity(
  arn: string,
  accounts: readonly PlannedAccount[],
  { issuer, audience }: Extract<Target, { kind: "irsa" }>,
): TrustStatement {
  const subjects = accounts.map(({ namespace, name }) =>
    tokenSubject({ namespace, serviceAccount: name })
  );
  return {
    Effect: "Allow",
    Principal: { Federated: providerOf(arn, issuer) },
    Action: "sts:AssumeRoleWithWebIdentity",
    Condition: { StringEquals: { [`${issuer}:aud`]: audience, [`${issuer}:sub`]: subjects } },
  };
}

/** https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html */
function podIdentity(
  namespace: string,
  names: readonly string[],
  { clusterName }: Extract<Target, { kind: "pod-identity" }>,
): TrustStatement {
  return {
    Effect: "Allow",
    Principal: { Service: "pods.eks.amazonaws.com" },
    Action: ["sts:AssumeRole", "sts:TagSession"],
    Condition: {
      StringEquals: {
        "aws:RequestTag/eks-cluster-name": clusterName,
        "aws:RequestTag/kubernetes-namespace": namespace,
        "aws:RequestTag/kubernetes-service-account": names,
      },
    },
  };
}
