/** Faults that don't come from the STS adapter. */
import { instant } from "../../time/instant.ts";
import type { AssumeRoleFault } from "../ports.ts";

class CredentialFault extends Error implements AssumeRoleFault {
  override readonly name = "CredentialFault";
  readonly code: AssumeRoleFault["code"];

  constructor(message: string, code: AssumeRoleFault["code"] = "sts_failing", cause?: unknown) {
    super(message.slice(0, 500), { cause });
    this.code = code;
  }

  get retryable(): boolean {
    return this.code !== "token_refused";
  }
}

/** The API server gives no token of a ServiceAccount until somebody changes something. */
export function tokenRefused(message: string): AssumeRoleFault {
  return new CredentialFault(message, "token_refused");
}

/** There is no token at the moment. */
export function tokenPending(message: string, cause?: unknown): AssumeRoleFault {
  return new CredentialFault(message, "token_failing", cause);
}

/** The fault of a rejected call; unknown ones count as retryable. */
export function faultFrom(error: unknown): AssumeRoleFault {
  if (error instanceof Error && "code" in error && "retryable" in error) {
    return error as AssumeRoleFault;
  }
  return new CredentialFault("the server failed to call STS; see its log", "sts_failing", error);
}

/** The credentials had expired when they arrived: the clocks disagree. */
export function endedOnArrival(expiresAt: number, now: number): AssumeRoleFault {
  const expired = `STS returned credentials that expired at ${instant(expiresAt)}`;
  return new CredentialFault(
    `${expired}, but the server's clock shows ${instant(now)}: correct the server's clock`,
  );
}

/** The trust role's credentials expired while the call was in the queue; renewing them is under way. */
export function trustRoleExpired(): AssumeRoleFault {
  return new CredentialFault(
    "the session of the namespace's iam.amazonaws.com/assume-role has expired; the server renews it",
  );
}

/** At most 500 bytes, as every message that a pod may see; `message` is the trust role's refusal. */
export function trustRoleRefused(message: string): string {
  return `the namespace's iam.amazonaws.com/assume-role: ${message}`.slice(0, 500);
}
