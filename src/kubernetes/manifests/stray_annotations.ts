/** `iam.amazonaws.com/` where nothing reads it: on the wrong object, or in one that can't be looked into. */
import type { Fields } from "./documents.ts";
import { annotationPrefix, annotationsIn, type ManifestObject } from "./objects.ts";

interface UnreadPart {
  readonly place: string;
  readonly why: string;
}

/** Annotations in the object that no pod, namespace or ServiceAccount gets, a line each. */
export function misplaced(object: ManifestObject): string[] {
  if (!object.builtIn && object.templates.length === 0) return [];
  const { document, builtIn, templates } = object;
  const [template] = templates;
  const better = [...template?.path ?? [], "metadata.annotations"].join(".");
  const remedy = template === undefined
    ? "it is read on pods, ServiceAccounts and namespaces"
    : `put it into ${better}`;
  return strays(object)
    .filter((path) => builtIn || isOwn(path))
    .map((path) => `${document.place(path)}: ${path.at(-1)} has no effect here; ${remedy}`);
}

/** What an operator, or whoever reads a text, may make pods of. */
export function unreadParts(object: ManifestObject): UnreadPart[] {
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
  return [{ place: document.place(path), why }];
}

function strays({ document, kind, builtIn, templates }: ManifestObject): (readonly string[])[] {
  const roots = templates.map(({ path }) => path.join("\n"));
  if (builtIn && (kind === "Namespace" || kind === "ServiceAccount")) roots.push("");
  const read = new Set(
    roots.map((root) => [...root === "" ? [] : [root], "metadata", "annotations"].join("\n")),
  );
  return [...annotationsIn(document.fields)].map(({ path }) => path)
    .filter((path) => path.at(-1)?.startsWith(annotationPrefix))
    .filter((path) => !read.has(path.slice(0, -1).join("\n")));
}

function isOwn(path: readonly string[]): boolean {
  return path.slice(0, 2).join(".") === "metadata.annotations";
}

/** The first text that sets such an annotation: a manifest in a ConfigMap, an argument of an operator. */
function textPath({ document }: ManifestObject): readonly string[] | undefined {
  for (const { path, text } of textsIn(document.fields)) {
    if (/iam\.amazonaws\.com\/(?:role|session-name|external-id)["']?\s*[:=]/.test(text)) {
      return path;
    }
  }
  return undefined;
}

function* textsIn(
  value: unknown,
  path: readonly string[] = [],
): Iterable<{ readonly path: readonly string[]; readonly text: string }> {
  if (typeof value === "string") return yield { path, text: value };
  if (typeof value !== "object" || value === null || path.at(-1) === "annotations") return;
  for (const [key, inner] of Object.entries(value as Fields)) yield* textsIn(inner, [...path, key]);
}
