import { stringify } from "yaml";

/** A value as `-o json` and `-o yaml` print it. */
export function structuredText(format: "json" | "yaml", value: unknown): string {
  if (format === "json") return JSON.stringify(value, null, 2) + "\n";
  return stringify(value);
}
