/** What `-o json` and `-o yaml` print. */
import { stringify } from "yaml";

/** A value as text, with a newline at its end. */
export function structuredText(format: "json" | "yaml", value: unknown): string {
  if (format === "json") return JSON.stringify(value, null, 2) + "\n";
  // Older readers take an unquoted `2012-10-17` for a date.
  return stringify(value, { compat: "yaml-1.1" });
}
