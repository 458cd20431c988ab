/** Reads code and message from a thrown value, and makes others' texts fit for ours. */

export function messageOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault);
}

/** Such as `ENOENT` or `imds_timeout`; undefined for most. */
export function codeOf(fault: unknown): unknown {
  return (fault as { readonly code?: unknown } | null | undefined)?.code;
}

/** Others' text with each run of control characters and line separators as one space. */
export function withoutControls(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
}

/** Another program's text as one line of at most `maxChars` characters, without control characters. */
export function oneLine(text: string, maxChars = 300): string {
  return withoutControls(text).trim().slice(0, maxChars);
}
