/** A value as `-o json` and `-o yaml` print it. */
export async function structuredText(format: "json" | "yaml", value: unknown): Promise<string> {
  if (format === "json") return JSON.stringify(value, null, 2) + "\n";
  const { stringify } = await import("yaml");
  return stringify(value);
}
