/** Reads code and message from a thrown value. */

export function messageOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault);
}

/** Such as `ENOENT` or `imds_timeout`; undefined for most. */
export function codeOf(fault: unknown): unknown {
  return (fault as { readonly code?: unknown } | null | undefined)?.code;
}
