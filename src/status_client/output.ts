import { stringify } from "yaml";

/** Prints a value as `-o json` and `-o yaml` do. */
export function structuredText(format: "json" | "yaml", value: unknown): string {
  if (format === "json") return JSON.stringify(value, null, 2) + "\n";
  return stringify(value);
}
