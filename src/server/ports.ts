/** What the server's parts need of each other and of the world; `main.ts` joins them. */
import type { RoleIdentity } from "../policy/facts.ts";

/** Temporary credentials of one role identity. Times in milliseconds since the epoch. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiresAt: number;
  readonly issuedAt: number;
}

/**
 * STS didn't give credentials. `retryable`: throttled, unreachable or failing, so soon again;
 * otherwise the answer stands until something changes. `message` may be shown to the pod: it never
 * carries an external ID or STS's own text.
 */
export interface AssumeRoleFault extends Error {
  readonly code:
    | "throttled"
    | "unreachable"
    | "sts_failing"
    | "access_denied"
    | "rejected"
    | "server_credentials";
  readonly retryable: boolean;
  /** STS's, to find the call in CloudTrail. */
  readonly requestId?: string | undefined;
}

/** One AssumeRole call; rejects with an {@link AssumeRoleFault}. */
export type AssumeRole = (identity: RoleIdentity, signal: AbortSignal) => Promise<Credentials>;

/** Where a role identity stands. */
export type CredentialState =
  | { readonly kind: "pending" }
  | { readonly kind: "ready"; readonly credentials: Credentials }
  | { readonly kind: "failed"; readonly reason: string; readonly message: string };

/** Result of TokenReview for an agent's bearer token. */
export type TokenVerdict =
  | {
    readonly kind: "authenticated";
    /** `system:serviceaccount:NAMESPACE:NAME` */
    readonly username: string;
    readonly audiences: readonly string[];
    readonly podName: string | null;
    readonly podUid: string | null;
    readonly nodeName: string | null;
  }
  | { readonly kind: "refused"; readonly message: string };

/** Rejects where the API can't be asked (answered as 503, never as 401). */
export type ReviewToken = (token: string, audience: string) => Promise<TokenVerdict>;
