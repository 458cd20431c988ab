/** Types that the server shares with its adapters for STS and TokenReview. */
import type { RoleIdentity } from "../policy/facts.ts";

/** What Hono apps get with each request: the TCP peer's address. */
export type PeerEnv = { Bindings: { readonly peer: string } };

/** Temporary credentials of one role identity. Times in milliseconds since the epoch. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiresAt: number;
  readonly issuedAt: number;
}

/**
 * STS returned no credentials. `retryable`: throttled, unreachable or failing, so retry soon; other
 * faults last until somebody changes something. `message` may be shown to the pod: it never contains
 * an external ID or STS's own text.
 */
export interface AssumeRoleFault extends Error {
  readonly code:
    | "throttled"
    | "unreachable"
    | "sts_failing"
    | "access_denied"
    | "rejected"
    | "server_credentials"
    | "configuration";
  readonly retryable: boolean;
  /** STS's request ID, to find the call in CloudTrail. */
  readonly requestId?: string | undefined;
}

/**
 * One AssumeRole call, signed with the credentials of the identity's trust role if it has one; rejects
 * with an {@link AssumeRoleFault}.
 */
export type AssumeRole = (
  identity: RoleIdentity,
  signal: AbortSignal,
  assumedBy?: Credentials,
) => Promise<Credentials>;

/** The credentials of a role identity. */
export type CredentialState =
  /** `problem`: why STS has issued none for a while, for people. */
  | { readonly kind: "pending"; readonly problem?: string }
  | { readonly kind: "ready"; readonly credentials: Credentials }
  | { readonly kind: "failed"; readonly reason: string; readonly message: string };

/** The result of a TokenReview. */
export type TokenVerdict =
  | {
    readonly kind: "authenticated";
    /** `system:serviceaccount:NAMESPACE:NAME` */
    readonly username: string;
    readonly groups: readonly string[];
    readonly audiences: readonly string[];
    readonly podName: string | null;
    readonly podUid: string | null;
    readonly nodeName: string | null;
  }
  | { readonly kind: "refused"; readonly message: string };

/** Rejects if the API server can't be reached (a 503 to the client, never a 401). */
export type ReviewToken = (token: string, audience: string) => Promise<TokenVerdict>;

/** Whether a user may read the status page (SubjectAccessReview); rejects like {@link ReviewToken}. */
export type ReviewAccess = (
  user: { readonly username: string; readonly groups: readonly string[] },
) => Promise<boolean>;
