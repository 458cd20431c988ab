/**
 * The facts in manifests: pods as written or as Deployments, Rollouts and the like would create
 * them, with their namespaces and ServiceAccounts, and the objects that may create pods which
 * manifests don't show.
 */
import type { PodFacts } from "../../policy/facts.ts";
import type { ClusterFacts } from "../operations/cluster_facts.ts";
import { namespaces, pods, serviceAccounts } from "../objects/objects.ts";
import type { Picked } from "../objects/resource.ts";
import type { Position } from "./documents.ts";
import { annotationPrefix, type ManifestObject } from "./objects.ts";
import { fieldsAt, fieldsOf, type PodTemplate } from "./pod_templates.ts";
import { type Hint, misplaced, unreadParts } from "./stray_annotations.ts";
import { renderFirst } from "./yaml_problems.ts";

/** Something that names a role for pods that aren't among the facts. */
export interface Unread {
  readonly kind: string;
  /** `NAMESPACE/NAME`. */
  readonly name: string;
  /** File, document and line. */
  readonly place: string;
  readonly position: Position;
  /** What was found, and after a semicolon what to do about it. */
  readonly why: string;
}

export interface ManifestFacts {
  /** A namespace that isn't in the manifests is one without annotations. */
  readonly cluster: ClusterFacts;
  /** Namespaces that the manifests have. */
  readonly written: ReadonlySet<string>;
  readonly unread: readonly Unread[];
  /** Annotations where they have no effect. */
  readonly hints: readonly Hint[];
  /** By UID of the pod. */
  readonly positions: ReadonlyMap<string, Position>;
  /** By name; of those that the manifests have. */
  readonly namespacePositions: ReadonlyMap<string, Position>;
}

export function manifestFacts(objects: readonly ManifestObject[]): ManifestFacts {
  const of = (kind: string) => objects.filter((one) => one.builtIn && one.kind === kind);
  const spaces = of("Namespace").flatMap((one) => itemOf(namespaces.pick(stored(one))));
  const accounts = of("ServiceAccount").flatMap((one) => itemOf(serviceAccounts.pick(stored(one))));
  const written = new Set(spaces.map(({ name }) => name));
  const found = podsOf(objects);
  const bare = new Set(found.map(({ pod }) => pod.namespace).filter((one) => !written.has(one)));
  const all = [
    ...spaces,
    ...[...bare].flatMap((name) => itemOf(namespaces.pick({ metadata: { name } }))),
  ];
  return {
    cluster: {
      pods: found.filter(({ unread }) => unread === null).map(({ pod }) => pod),
      namespaces: new Map(all.map((one) => [one.name, one])),
      serviceAccounts: new Map(accounts.map((one) => [`${one.namespace}/${one.name}`, one])),
    },
    written,
    unread: [
      ...found.map(({ unread }) => unread).filter((one) => one !== null),
      ...objects.flatMap((object) =>
        unreadParts(object).map((part) => ({ ...part, kind: object.kind, name: nameOf(object) }))
      ),
    ],
    hints: objects.flatMap(misplaced),
    positions: new Map(found.map(({ pod, position }) => [pod.uid, position])),
    namespacePositions: new Map(
      of("Namespace").map(({ name, document }) => {
        return [name ?? "", document.position(["metadata", "annotations"])];
      }),
    ),
  };
}

interface FoundPod {
  readonly pod: PodFacts;
  /** Null where everything about it is written. */
  readonly unread: Unread | null;
  /** Of its annotations. */
  readonly position: Position;
}

function podsOf(objects: readonly ManifestObject[]): FoundPod[] {
  const placeholders = new Map<string, string>();
  for (const object of objects.filter(({ kind }) => /^(?:Namespace|ServiceAccount)$/.test(kind))) {
    const placeholder = placeholderIn(object, []);
    const key = object.kind === "Namespace" ? `${object.name}` : nameOf(object);
    if (placeholder !== null) placeholders.set(key, placeholder);
  }
  return objects.flatMap((object) => object.templates.map((template) => ({ object, template })))
    .flatMap(({ object, template }, index) => {
      const [pod] = itemOf(pods.pick(podObject(object, template, String(index))));
      if (pod === undefined) return [];
      const ofAccount = pod.role === null ? `${pod.namespace}/${pod.serviceAccount}` : "";
      const why = placeholderIn(object, template.path) ?? placeholders.get(pod.namespace) ??
        placeholders.get(ofAccount);
      const { kind, document } = object;
      const path = [...template.path, "metadata", "annotations"];
      const position = document.position(path);
      const found = { kind, name: nameOf(object), place: document.place(path), position };
      return [{ pod, unread: why === undefined ? null : { ...found, why }, position }];
    });
}

/** An annotation that some program would fill in before the API server sees it: Helm, Argo, envsubst. */
export function placeholderIn(
  { document }: ManifestObject,
  path: readonly string[],
): string | null {
  const annotations = fieldsAt(document.fields, [...path, "metadata", "annotations"]);
  const found = Object.entries(annotations).find(([key, value]) =>
    key.startsWith(annotationPrefix) && /\{\{|\$[{(]\w/.test(String(value))
  );
  return found === undefined ? null : `${found[0]} is ${JSON.stringify(found[1])}; ${renderFirst}`;
}

/** As the API server would have it once it is made. */
function podObject(object: ManifestObject, { path, fields }: PodTemplate, uid: string) {
  const { kind, namespace, templates } = object;
  const title = kind === "Pod" ? titleOf(object) : `${kind.toLowerCase()}/${titleOf(object)}`;
  const name = templates.length > 1 ? `${title} (${path.join(".")})` : title;
  return {
    ...fields,
    kind: "Pod",
    metadata: { ...fieldsOf(fields.metadata), name, namespace, uid },
  };
}

function titleOf({ name, generateName, document }: ManifestObject): string {
  return name ?? (generateName === "" ? `(no name: ${document.place()})` : `${generateName}…`);
}

function nameOf(object: ManifestObject): string {
  return `${object.namespace}/${titleOf(object)}`;
}

function stored({ fields, name, generateName, namespace }: ManifestObject) {
  return {
    ...fields,
    metadata: { ...fieldsOf(fields.metadata), name: name ?? generateName, namespace },
  };
}

function itemOf<T>(picked: Picked<T>): T[] {
  return "item" in picked ? [picked.item] : [];
}
