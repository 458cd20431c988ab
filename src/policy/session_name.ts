/**
 * The session name that CloudTrail shows: the pod's annotation, or else the operator's template. It
 * depends on the facts alone, so it stays the same across renewals.
 */
import { fillIn, type TemplateValues } from "./template.ts";

/**
 * A valid `RoleSessionName` (`[\w+=,.@-]{2,64}`) for any text: other characters become `-`, what is
 * beyond 64 is cut, and a shorter one is padded with `-`.
 */
export function sanitisedSessionName(text: string): string {
  return text.slice(0, 64).replace(/[^A-Za-z0-9_+=,.@-]/g, "-").padEnd(2, "-");
}

/** From the annotation; from the template if that is absent or empty, as in kiam. */
export function sessionName(
  annotation: string | null,
  template: string,
  values: TemplateValues,
): string {
  return sanitisedSessionName(annotation || fillIn(template, values));
}
