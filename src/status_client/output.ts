import { stringify } from "yaml";

/** Prints a value as `-o json` and `-o yaml` do. */
export function structuredText(format: "json" | "yaml", value: unknown): string {
  if (format === "json") return JSON.stringify(value, null, 2) + "\n";
  // Older readers take an unquoted `2012-10-17` for a date.
  return stringify(value, { compat: "yaml-1.1" });
}
