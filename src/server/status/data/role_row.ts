/** A role session's row on the status page. */
import { instant } from "../../../time/instant.ts";
import type { CredentialInspection } from "../../credentials/credential_reports.ts";

/** Instants are `YYYY-MM-DDTHH:MM:SSZ`. */
export interface RoleRow {
  readonly arn: string;
  readonly sessionName: string;
  /** ARN of the trust role; absent from replicas of older versions. */
  readonly assumedBy?: string | null;
  /** The number of pods that use it. */
  readonly holders: number;
  readonly state: CredentialInspection["state"];
  /** Why the latest call failed; null if it succeeded. */
  readonly lastFault: { readonly code: string; readonly message: string } | null;
  /** Null while a call is queued or in flight. */
  readonly nextAttemptAt: string | null;
  readonly issuedAt: string | null;
  readonly expiresAt: string | null;
}

export function roleRow(inspection: CredentialInspection): RoleRow {
  const { arn, sessionName, assumedBy, holders, state, lastFault } = inspection;
  return {
    arn,
    sessionName,
    assumedBy,
    holders,
    state,
    lastFault: lastFault === null ? null : { code: lastFault.code, message: lastFault.message },
    nextAttemptAt: textOf(inspection.nextAttemptAt),
    issuedAt: textOf(inspection.issuedAt),
    expiresAt: textOf(inspection.expiresAt),
  };
}

function textOf(at: number | null): string | null {
  return at === null ? null : instant(at);
}
