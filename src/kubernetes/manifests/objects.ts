/**
 * Checks manifests by the API server's rules: strings are strings, names are given or generated,
 * and no object appears twice. Fills in defaults and converts deprecated names. What the objects
 * mean is up to the caller.
 */
import type { Fields, ManifestDocument } from "./documents.ts";
import {
  fieldsAt,
  fieldsOf,
  isBuiltIn,
  kindRemedy,
  type PodTemplate,
  podTemplates,
} from "./pod_templates.ts";

/** Of every annotation that is read, kiam's, kube2iam's and ours. */
export const annotationPrefix = "iam.amazonaws.com/";

export interface ManifestObject {
  readonly document: ManifestDocument;
  readonly kind: string;
  readonly builtIn: boolean;
  /** The given one where the object names none. */
  readonly namespace: string;
  /** Null if the API server would generate it from `generateName`, and for a Pod with neither. */
  readonly name: string | null;
  readonly generateName: string;
  readonly fields: Fields;
  /** The pods that it is or would create. */
  readonly templates: readonly PodTemplate[];
}

/** The objects with a line for each thing that an API server would refuse. */
interface ManifestObjects {
  readonly objects: readonly ManifestObject[];
  readonly problems: readonly string[];
}

export function manifestObjects(
  documents: readonly ManifestDocument[],
  namespace = "default",
): ManifestObjects {
  const objects = documents.map((document) => objectOf(document, namespace));
  const problems = [...objects.flatMap(problemsOf), ...doubles(objects)];
  return { objects, problems };
}

function objectOf(document: ManifestDocument, namespace: string): ManifestObject {
  const { kind, fields } = document;
  const metadata = fieldsOf(fields.metadata);
  return {
    document,
    kind,
    fields,
    builtIn: isBuiltIn(fields),
    namespace: textOf(metadata.namespace) || namespace,
    name: textOf(metadata.name) || null,
    generateName: textOf(metadata.generateName),
    templates: podTemplates(fields).map(completed),
  };
}

/** `serviceAccount` is the old name of `serviceAccountName`, taken where that is empty. */
function completed({ path, fields }: PodTemplate): PodTemplate {
  const spec = fieldsOf(fields.spec);
  const serviceAccountName = spec.serviceAccountName || spec.serviceAccount;
  return { path, fields: { ...fields, spec: { ...spec, serviceAccountName } } };
}

const texts = "a text; put it in quotes";
const types = {
  string: texts,
  boolean: "true or false",
  object: "fields",
  list: "a list",
} as const;
type TypeName = keyof typeof types;

const ofAnyObject = [
  [["metadata"], "object"],
  [["metadata", "name"], "string"],
  [["metadata", "generateName"], "string"],
  [["metadata", "namespace"], "string"],
  [["metadata", "uid"], "string"],
  [["metadata", "creationTimestamp"], "string"],
  [["metadata", "deletionTimestamp"], "string"],
  [["metadata", "annotations"], "object"],
] as const;

const ofPods = [
  [["metadata", "annotations"], "object"],
  [["spec"], "object"],
  [["spec", "serviceAccountName"], "string"],
  [["spec", "serviceAccount"], "string"],
  [["spec", "hostNetwork"], "boolean"],
  [["status"], "object"],
  [["status", "phase"], "string"],
  [["status", "podIPs"], "list"],
] as const;

function problemsOf(object: ManifestObject): string[] {
  const { document, kind, templates, name, generateName } = object;
  const named = name ?? generateName;
  const needsName = kind === "Namespace" || kind === "ServiceAccount";
  const found = [
    ...kindProblems(document),
    ...typeProblems(document, [], ofAnyObject),
    ...templates.flatMap(({ path }) => typeProblems(document, path, ofPods)),
    ...annotationProblems(document),
  ];
  if (named === "" && needsName && found.length === 0) found.push(nameless(document));
  return [...new Set(found)];
}

function kindProblems(document: ManifestDocument): string[] {
  const { kind, fields } = document;
  const remedy = kindRemedy(fields);
  if (remedy === null) return [];
  const version = String(fields.apiVersion ?? "v1");
  return [
    `${document.place(["kind"])}: apiVersion ${version} has no kind ${kind}; expected ${remedy}`,
  ];
}

/** The problem of an object that has to have a name. */
export function nameless(document: ManifestDocument): string {
  return `${document.place(["metadata", "name"])}: metadata.name is missing; expected a name`;
}

function typeProblems(
  document: ManifestDocument,
  base: readonly string[],
  expected: readonly (readonly [readonly string[], TypeName])[],
): string[] {
  return expected.flatMap(([below, type]) => {
    const path = [...base, ...below];
    const value = fieldsAt(document.fields, path.slice(0, -1))[path.at(-1)!];
    if (value === undefined || value === null) return [];
    if ((Array.isArray(value) ? "list" : typeof value) === type) return [];
    return [wrong(document, path, path.join("."), types[type])];
  });
}

/** Annotations anywhere: of the object, of its pods, of anything that an operator passes on. */
function annotationProblems(document: ManifestDocument): string[] {
  return [...annotationsIn(document.fields)]
    .filter(({ value }) => typeof value !== "string")
    .map(({ path }) => wrong(document, path, `annotation ${path.at(-1)}`, texts));
}

interface WrittenAnnotation {
  readonly path: readonly string[];
  readonly value: unknown;
}

/** All entries of `metadata.annotations`, and `iam.amazonaws.com/…` wherever it is a key with a value. */
export function* annotationsIn(
  value: unknown,
  path: readonly string[] = [],
): Iterable<WrittenAnnotation> {
  if (typeof value !== "object" || value === null) return;
  const isAnnotations = path.at(-2) === "metadata" && path.at(-1) === "annotations";
  for (const [key, inner] of Object.entries(value)) {
    const at = [...path, key];
    const isValue = typeof inner !== "object" || inner === null;
    if (isAnnotations || (isValue && key.startsWith(annotationPrefix))) {
      yield { path: at, value: inner };
    } else yield* annotationsIn(inner, at);
  }
}

function wrong(
  document: ManifestDocument,
  path: readonly string[],
  what: string,
  expected: string,
): string {
  return `${document.place(path)}: ${what} is ${document.source(path)}; expected ${expected}`;
}

/** Duplicate objects, in any files: which of them would remain depends on their order. */
function doubles(objects: readonly ManifestObject[]): string[] {
  const first = new Map<string, ManifestDocument>();
  return objects.flatMap((object) => {
    const { document, name } = object;
    if (name === null || !isRead(object)) return [];
    const key = titleOf(object);
    const before = first.get(key);
    if (before === undefined) first.set(key, document);
    return before === undefined
      ? []
      : [`${document.place()}: ${key} is there already; remove one: ${before.place()}`];
  });
}

function isRead({ kind, templates }: ManifestObject): boolean {
  return kind === "Namespace" || kind === "ServiceAccount" || templates.length > 0;
}

function titleOf({ kind, namespace, name }: ManifestObject): string {
  return kind === "Namespace" ? `Namespace ${name}` : `${kind} ${namespace}/${name}`;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
