/** `iam.amazonaws.com/` where nothing reads it: on the wrong object, or in one that can't be looked into. */
import type { Fields, Position } from "./documents.ts";
import { annotationPrefix, annotationsIn, type ManifestObject } from "./objects.ts";
import { keyProblem } from "./unknown_annotations.ts";

interface Written {
  readonly place: string;
  readonly position: Position;
}

export interface Hint extends Written {
  readonly message: string;
}

/** Annotations in the object that nothing reads. */
export function misplaced(object: ManifestObject): Hint[] {
  return [...wrongKeys(object), ...wrongPlaces(object)];
}

/** Where annotations are read, with keys that aren't. */
function wrongKeys(object: ManifestObject): Hint[] {
  const { document, kind } = object;
  const roots = rootsOf(object);
  return [...annotationsIn(document.fields)].flatMap(({ path }) => {
    if (!roots.has(path.slice(0, -1).join("\n"))) return [];
    const message = keyProblem(path.at(-1)!, object.templates.length > 0 ? "Pod" : kind);
    if (message === null) return [];
    return [{ place: document.place(path), position: document.position(path), message }];
  });
}

function wrongPlaces(object: ManifestObject): Hint[] {
  if (!object.builtIn && object.templates.length === 0) return [];
  const { document, builtIn, templates } = object;
  const [template] = templates;
  const better = [...template?.path ?? [], "metadata.annotations"].join(".");
  return strays(object)
    .filter((path) => builtIn || isOwn(path))
    .map((path) => ({
      place: document.place(path),
      position: document.position(path),
      message: template === undefined
        ? `${path.at(-1)} has no effect here; it is read on pods, ServiceAccounts and namespaces`
        : keyProblem(path.at(-1)!, "Pod") ??
          `${path.at(-1)} has no effect here; put it into ${better}`,
    }));
}

/** Text that an operator may turn into pods. */
export function unreadParts(object: ManifestObject): (Written & { readonly why: string })[] {
  const { document, builtIn, templates } = object;
  const handedOn = builtIn
    ? []
    : strays(object).filter((path) => templates.length === 0 || !isOwn(path));
  const path = handedOn[0] ?? textPath(object);
  if (path === undefined) return [];
  const what = handedOn.length > 0
    ? `has ${path.at(-1)} at ${path.slice(0, -1).join(".")}`
    : `mentions ${annotationPrefix}… at ${path.join(".")}`;
  const why = `${what}, which doesn't show its pods; ` +
    "compare the pods themselves, with --kubeconfig or a dump of them";
  return [{ place: document.place(path), position: document.position(path), why }];
}

/** Paths of the annotations that are read. */
function rootsOf({ kind, builtIn, templates }: ManifestObject): ReadonlySet<string> {
  const isOwn = builtIn && (kind === "Namespace" || kind === "ServiceAccount");
  const roots = [...templates.map(({ path }) => path), ...(isOwn ? [[]] : [])];
  return new Set(roots.map((root) => [...root, "metadata", "annotations"].join("\n")));
}

function strays(object: ManifestObject): (readonly string[])[] {
  const roots = rootsOf(object);
  return [...annotationsIn(object.document.fields)].map(({ path }) => path)
    .filter((path) => path.at(-1)?.startsWith(annotationPrefix))
    .filter((path) => !roots.has(path.slice(0, -1).join("\n")));
}

function isOwn(path: readonly string[]): boolean {
  return path.slice(0, 2).join(".") === "metadata.annotations";
}

/** `KEY: value` or `KEY=value`. */
const setting = /iam\.amazonaws\.com\/(?:role|session-name|external-id)["']?\s*[:=]/;
/** Below another key, as in Spark's properties, Helm's `--set` (`iam\.amazonaws…`) and JSON patches (`~1`). */
const pathTo =
  /(?:\.iam\.amazonaws\.com\/|iam\\+\.amazonaws\\*\.com\/|iam\.amazonaws\.com~1)(?:role|session-name|external-id)/;

/** The first text that sets such an annotation: a manifest in a ConfigMap, an argument of an operator. */
function textPath({ document }: ManifestObject): readonly string[] | undefined {
  for (const { path, text } of textsIn(document.fields)) {
    if (setting.test(text) || pathTo.test(text)) return path;
  }
  return undefined;
}

function* textsIn(
  value: unknown,
  path: readonly string[] = [],
): Iterable<{ readonly path: readonly string[]; readonly text: string }> {
  if (typeof value === "string") return yield { path, text: value };
  if (typeof value !== "object" || value === null || path.at(-1) === "annotations") return;
  for (const [key, inner] of Object.entries(value as Fields)) {
    if (pathTo.test(key)) yield { path: [...path, key], text: key };
    yield* textsIn(inner, [...path, key]);
  }
}
