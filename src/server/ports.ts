/** Types that the server shares with its adapters for STS and TokenReview. */
import type { RoleIdentity, WebIdentity } from "../policy/facts.ts";

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
    | "configuration"
    /** The API server refuses, or can't give, a token of a ServiceAccount. */
    | "token_refused"
    | "token_failing";
  readonly retryable: boolean;
  /** STS's request ID, to find the call in CloudTrail. */
  readonly requestId?: string | undefined;
}

/** What a call is authenticated with; neither: the server's own credentials. */
export interface AssumeRoleBy {
  /** The credentials of the identity's trust role. */
  readonly assumedBy?: Credentials | undefined;
  /** A token of its ServiceAccount. */
  readonly webIdentityToken?: string | undefined;
}

/** One call of STS; rejects with an {@link AssumeRoleFault}. */
export type AssumeRole = (
  identity: RoleIdentity,
  signal: AbortSignal,
  by?: AssumeRoleBy,
) => Promise<Credentials>;

/** Rejects if the API server can't be reached. */
export type RequestToken = (
  request: WebIdentity & { readonly pod: { readonly name: string; readonly uid: string } },
  signal: AbortSignal,
) => Promise<
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "gone" }
  | { readonly kind: "forbidden" }
>;

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
