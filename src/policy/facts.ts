/**
 * The facts a decision rests on: what pods, namespaces and ServiceAccounts say, picked from the
 * Kubernetes objects once, where they arrive. Nothing here has been judged yet.
 */

/** A pod as far as its identity matters. Annotation texts are kept as written; null = absent. */
export interface PodFacts {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly nodeName: string | null;
  readonly serviceAccount: string;
  /** Canonical addresses, `status.podIPs` and `status.podIP` together. */
  readonly ips: readonly string[];
  readonly hostNetwork: boolean;
  /** Succeeded or Failed: it has no address any more. */
  readonly terminal: boolean;
  /** `metadata.deletionTimestamp` is set. */
  readonly terminating: boolean;
  /** It carries `kubernetes.io/config.mirror`: a kubelet wrote it, not the API's users. */
  readonly mirror: boolean;
  /** `metadata.creationTimestamp`, ISO 8601. */
  readonly createdAt: string;
  readonly role: string | null;
  readonly sessionName: string | null;
  readonly externalId: string | null;
  readonly sessionDuration: string | null;
}

export interface NamespaceFacts {
  readonly name: string;
  readonly permitted: string | null;
  /** kube2iam's JSON list of globs. */
  readonly allowedRoles: string | null;
  readonly defaultRole: string | null;
  readonly imdsv2: string | null;
}

export interface ServiceAccountFacts {
  readonly namespace: string;
  readonly name: string;
  readonly role: string | null;
}

/** What the operator set; the same for every pod. */
export interface PolicySettings {
  /** `arn:PARTITION:iam::ACCOUNT:role/` with an optional path, for roles named without `arn:`. */
  readonly roleBaseArn: string | null;
  readonly permittedMatch: "arn" | "name";
  readonly honourAllowedRoles: boolean;
  readonly sessionNameTemplate: string;
  readonly sessionDurationSeconds: number;
  /** 3600 where roles are chained, else 43200. */
  readonly maxSessionDurationSeconds: number;
  readonly sessionTags: boolean;
  readonly clusterName: string | null;
  /** Roles the server itself runs as: never handed out. */
  readonly reservedRoleArns: readonly string[];
}

/** All that makes one AssumeRole call differ from another; equal identities share credentials. */
export interface RoleIdentity {
  readonly arn: string;
  readonly sessionName: string;
  readonly externalId: string | null;
  readonly durationSeconds: number;
  readonly tags: readonly (readonly [key: string, value: string])[];
}

/** Why a pod is refused. Stable: metrics, Events and `explain` carry these words. */
export type DenialReason =
  | "StaticPod"
  | "NamespaceUnknown"
  | "RoleMalformed"
  | "RoleBaseUnknown"
  | "RoleReserved"
  | "PermittedAbsent"
  | "PermittedEmpty"
  | "PermittedInvalid"
  | "NotPermitted"
  | "ExternalIdInvalid"
  | "SessionDurationInvalid";

export interface Denial {
  readonly reason: DenialReason;
  /** One line, at most 500 bytes, foreign values escaped; says what to change. */
  readonly message: string;
}

export type Decision =
  | { readonly kind: "none" }
  | { readonly kind: "denied"; readonly denial: Denial }
  | {
    readonly kind: "role";
    /** The role's name without path, as the metadata service lists it. */
    readonly name: string;
    /** The text that asked for it, as the annotation has it. */
    readonly requested: string;
    readonly identity: RoleIdentity;
  };
