/**
 * The facts that a decision is based on, extracted from pods, namespaces and ServiceAccounts as they
 * arrive. Annotations are unvalidated text here.
 */

/** The part of a pod that decisions depend on. Annotations are kept as written; null = absent. */
export interface PodFacts {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly nodeName: string | null;
  readonly serviceAccount: string;
  /** Canonical addresses, `status.podIPs` and `status.podIP` together. */
  readonly ips: readonly string[];
  readonly hostNetwork: boolean;
  /** Succeeded or Failed: it no longer has an address. */
  readonly terminal: boolean;
  /** `metadata.deletionTimestamp` is set. */
  readonly terminating: boolean;
  /**
   * `kubernetes.io/config.mirror`: a kubelet created it from a file on its node. The value is the
   * file's hash, by which the kubelet names the pod's cgroup; null for other pods.
   */
  readonly mirror: string | null;
  /** `metadata.creationTimestamp`, ISO 8601. */
  readonly createdAt: string;
  readonly role: string | null;
  readonly sessionName: string | null;
  readonly externalId: string | null;
  readonly sessionDuration: string | null;
  readonly sessionPolicyArns: string | null;
}

export interface NamespaceFacts {
  readonly name: string;
  readonly permitted: string | null;
  /** kube2iam's JSON list of globs. */
  readonly allowedRoles: string | null;
  readonly defaultRole: string | null;
  readonly imdsv2: string | null;
  readonly externalId: string | null;
  readonly assumeRole: string | null;
  readonly assumeWith: string | null;
  readonly sessionPolicyArns: string | null;
  readonly sessionPolicy: string | null;
  /** Being deleted, with everything in it. */
  readonly terminating: boolean;
}

export interface ServiceAccountFacts {
  readonly namespace: string;
  readonly name: string;
  readonly role: string | null;
  /** EKS's `eks.amazonaws.com/role-arn`; a role only with `--irsa-annotations`. */
  readonly irsaRole: string | null;
  readonly sessionPolicyArns: string | null;
}

/** The operator's settings; the same for every pod. */
export interface PolicySettings {
  /** `arn:PARTITION:iam::ACCOUNT:role/` with an optional path, for roles written without `arn:`. */
  readonly roleBaseArn: string | null;
  readonly permittedMatch: "arn" | "name";
  readonly honourAllowedRoles: boolean;
  /** Agents serve container credentials, the only ones that a host-network pod can get. */
  readonly hostNetworkServed: boolean;
  readonly sessionNameTemplate: string;
  readonly sessionDurationSeconds: number;
  /** 3600 if roles are chained, else 43200. */
  readonly maxSessionDurationSeconds: number;
  /** EKS's keys, such as `kubernetes-namespace`, and the operator's own; values are templates. */
  readonly sessionTags: readonly SessionTagTemplate[];
  /** Keys of the tags above that are passed along a role chain. */
  readonly transitiveTagKeys: readonly string[];
  readonly sourceIdentityTemplate: string | null;
  readonly externalIdTemplate: string | null;
  /** Expressions with `{namespace}`; null means that the namespace's annotation is never permitted. */
  readonly externalIdPermitted: string | null;
  readonly assumeRolePermitted: string | null;
  readonly clusterName: string | null;
  readonly assumeWith: "server" | "service-account";
  readonly webIdentityAudience: string;
  /** Read `eks.amazonaws.com/role-arn` of ServiceAccounts. */
  readonly honourIrsaAnnotations: boolean;
  /** ARNs of the roles that the server itself runs as; pods never get them. */
  readonly reservedRoleArns: readonly string[];
}

export interface SessionTagTemplate {
  readonly key: string;
  readonly template: string;
}

/** Everything sent to STS for a pod; pods with equal identities share credentials. */
export interface RoleIdentity {
  readonly arn: string;
  readonly sessionName: string;
  readonly externalId: string | null;
  readonly durationSeconds: number;
  readonly tags: readonly (readonly [key: string, value: string])[];
  readonly transitiveTagKeys: readonly string[];
  readonly sourceIdentity: string | null;
  /** Managed session policies, sorted. */
  readonly policyArns: readonly string[];
  /** The inline session policy, as written. */
  readonly policy: string | null;
  /** The namespace's trust role, with whose credentials this one is assumed; null: the server's own. */
  readonly assumedBy: RoleIdentity | null;
  /** Assumed with a token of this ServiceAccount; null: as the server or a trust role. */
  readonly webIdentity: WebIdentity | null;
}

export interface WebIdentity {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** The token's. */
  readonly audience: string;
}

/** The subject of a ServiceAccount's token: its user name, and how trust policies name it. */
export function tokenSubject(
  { namespace, serviceAccount }: Pick<WebIdentity, "namespace" | "serviceAccount">,
): string {
  return `system:serviceaccount:${namespace}:${serviceAccount}`;
}

/** Why a pod is denied. Stable: used in metrics, Events and `explain`. */
export type DenialReason =
  | "StaticPod"
  | "HostNetwork"
  | "NamespaceUnknown"
  | "RoleMalformed"
  | "RoleBaseUnknown"
  | "RoleReserved"
  | "PermittedAbsent"
  | "PermittedEmpty"
  | "PermittedInvalid"
  | "NotPermitted"
  | "ExternalIdInvalid"
  | "ExternalIdFixed"
  | "ExternalIdNotPermitted"
  | "AssumeRoleNotPermitted"
  | "AssumeWithInvalid"
  | "AssumeWithConflict"
  | "SessionDurationInvalid"
  | "SessionPolicyInvalid"
  | "SessionTagsInvalid"
  | "SourceIdentityInvalid"
  | "SessionTooLarge";

export interface Denial {
  readonly reason: DenialReason;
  /** One line, at most 500 bytes, untrusted values escaped; names what to change. */
  readonly message: string;
}

export type Decision =
  | { readonly kind: "none" }
  | { readonly kind: "denied"; readonly denial: Denial }
  | {
    readonly kind: "role";
    /** The role's name without path, as the metadata service lists it. */
    readonly name: string;
    /** The annotation's text. */
    readonly requested: string;
    readonly identity: RoleIdentity;
  };
