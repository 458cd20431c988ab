/** The fields of one manifest, checked for what they are: texts, switches, or fields of their own. */
import type { ManifestDocument } from "../kubernetes/objects/manifest_documents.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** A Kubernetes object with all that the facts are picked from. */
export type ManifestObject = Readonly<Record<string, unknown>>;

/** One object with its place in the manifests. */
export interface ReadObject {
  readonly document: ManifestDocument;
  readonly name: string;
  readonly namespace: string;
  readonly object: ManifestObject;
}

const types = [
  [["metadata", "uid"], "string"],
  [["metadata", "namespace"], "string"],
  [["metadata", "annotations"], "object"],
  [["metadata", "creationTimestamp"], "string"],
  [["metadata", "deletionTimestamp"], "string"],
  [["spec"], "object"],
  [["spec", "serviceAccountName"], "string"],
  [["spec", "hostNetwork"], "boolean"],
  [["status"], "object"],
  [["status", "phase"], "string"],
  [["status", "podIPs"], "list"],
] as const;

const expectations = {
  string: "a text; put it in quotes",
  boolean: "true or false",
  object: "fields",
  list: "a list",
} as const;

/** The facts are picked leniently: here a slip must not pass for something left out. */
export function checkTypes(document: ManifestDocument, problems: string[]): void {
  for (const [path, type] of types) {
    const value = path.reduce<unknown>((part, key) => fieldsOf(part)[key], document.fields);
    if (value === undefined || value === null) continue;
    if ((Array.isArray(value) ? "list" : typeof value) === type) continue;
    const field = path.join(".");
    problems.push(
      `${document.place(path)}: ${field} is ${shown(value)}: expected ${expectations[type]}`,
    );
  }
}

/** The API server takes texts only; an unquoted `true` or `8` in YAML is none. */
export function checkAnnotations(document: ManifestDocument, problems: string[]): void {
  const { annotations } = fieldsOf(document.fields.metadata);
  for (const [key, value] of Object.entries(fieldsOf(annotations))) {
    if (typeof value === "string") continue;
    problems.push(
      `${document.place(["metadata", "annotations", key])}: annotation ${key} is ` +
        `${shown(value)}: expected a text; put it in quotes`,
    );
  }
}

/** A value's fields; none where it has none. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Fields
    : {};
}

/** A value as a message repeats it: shortened, on one line. */
export function shown(value: unknown): string {
  if (value === undefined) return "missing";
  return (JSON.stringify(value) ?? String(value)).slice(0, 80);
}
