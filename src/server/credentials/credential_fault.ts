/** Faults of getting credentials that STS's adapter doesn't know of. */
import type { AssumeRoleFault } from "../ports.ts";

class CredentialFault extends Error implements AssumeRoleFault {
  override readonly name = "CredentialFault";
  readonly code = "sts_failing";
  readonly retryable = true;
}

/** The fault that a rejected call stands for; one of unknown kind may pass by itself. */
export function faultFrom(error: unknown): AssumeRoleFault {
  if (error instanceof Error && "code" in error && "retryable" in error) {
    return error as AssumeRoleFault;
  }
  return new CredentialFault("the server failed to ask STS; its log has the cause", {
    cause: error,
  });
}

/** STS's credentials have ended before they came: the clocks disagree. */
export function endedOnArrival(expiresAt: number, now: number): AssumeRoleFault {
  return new CredentialFault(
    `STS gave credentials that ended at ${instant(expiresAt)}, and the server's clock says ` +
      `${instant(now)}: set the server's clock right`,
  );
}

function instant(ms: number): string {
  return Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : "no time";
}
