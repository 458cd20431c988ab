/** Faults that don't come from the STS adapter. */
import type { AssumeRoleFault } from "../ports.ts";

class CredentialFault extends Error implements AssumeRoleFault {
  override readonly name = "CredentialFault";
  readonly code = "sts_failing";
  readonly retryable = true;
}

/** The fault of a rejected call; unknown ones count as retryable. */
export function faultFrom(error: unknown): AssumeRoleFault {
  if (error instanceof Error && "code" in error && "retryable" in error) {
    return error as AssumeRoleFault;
  }
  return new CredentialFault("the server failed to call STS; see its log", {
    cause: error,
  });
}

/** The credentials had expired when they arrived: the clocks disagree. */
export function endedOnArrival(expiresAt: number, now: number): AssumeRoleFault {
  return new CredentialFault(
    `STS returned credentials that expired at ${
      instant(expiresAt)
    }, but the server's clock shows ` +
      `${instant(now)}: correct the server's clock`,
  );
}

function instant(ms: number): string {
  return Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : "no time";
}
