/**
 * Finds the pods that an object would create: at the known place in Kubernetes' own kinds, by shape
 * (`spec.containers`) in any other, such as an Argo Rollout or a Volcano Job.
 */
import type { Fields } from "./documents.ts";

/** A PodTemplateSpec, or a Pod, with its path in the object. */
export interface PodTemplate {
  readonly path: readonly string[];
  readonly fields: Fields;
}

const atTemplate = ["spec", "template"] as const;

/** API group and kind, as of apiVersion. */
const known: Readonly<Record<string, readonly string[]>> = {
  "/Pod": [],
  "/ReplicationController": atTemplate,
  "/PodTemplate": ["template"],
  "apps/Deployment": atTemplate,
  "apps/StatefulSet": atTemplate,
  "apps/DaemonSet": atTemplate,
  "apps/ReplicaSet": atTemplate,
  "batch/Job": atTemplate,
  "batch/CronJob": ["spec", "jobTemplate", "spec", "template"],
};

const byKind = new Map(Object.entries(known).map(([key, path]) => [key.split("/")[1], path]));

/** Those of the object, in order; none for a kind that makes no pods or hides them. */
export function podTemplates(fields: Fields): readonly PodTemplate[] {
  const path = knownPath(fields);
  if (path === undefined) return [...bySpec(fields, [])];
  return [{ path, fields: fieldsAt(fields, path) }];
}

/** Kubernetes' own groups that have a dot; operators use `k8s.io` too. */
const dottedGroups =
  /^(?:admissionregistration|apiextensions|apiregistration|authentication|(?:rbac\.)?authorization|certificates|coordination|discovery|events|flowcontrol\.apiserver|networking|node|resource|scheduling|storage)\.k8s\.io$/;

/** Whether the kind is Kubernetes' own, so that nothing but its known parts makes pods. */
export function isBuiltIn(fields: Fields): boolean {
  const group = groupOf(fields);
  return group === null || !group.includes(".") || dottedGroups.test(group);
}

/** Empty for the core group; null where the object doesn't say. */
function groupOf({ apiVersion }: Fields): string | null {
  if (typeof apiVersion !== "string" || apiVersion === "") return null;
  return apiVersion.includes("/") ? apiVersion.split("/")[0]! : "";
}

const spelled = new Map(
  [...Object.keys(known), "/Namespace", "/ServiceAccount", "/List"].map((key) => {
    const [group = "", kind = ""] = key.split("/");
    return [kind.toLowerCase(), { group, kind }];
  }),
);

/** How a kind that is read has to be written; null where it is, and for kinds that aren't read. */
export function kindRemedy(fields: Fields): string | null {
  const found = spelled.get(String(fields.kind).toLowerCase());
  if (found === undefined || !isBuiltIn(fields)) return null;
  const group = groupOf(fields);
  const isInGroup = group === null || current(group) === found.group;
  if (isInGroup && found.kind === fields.kind) return null;
  return `kind: ${found.kind} with apiVersion: ${found.group === "" ? "" : `${found.group}/`}v1`;
}

/** `extensions` is the old name of `apps`. */
function current(group: string): string {
  return group === "extensions" ? "apps" : group;
}

function knownPath(fields: Fields): readonly string[] | undefined {
  const kind = String(fields.kind);
  const group = groupOf(fields);
  if (group === null) return byKind.get(kind);
  const key = `${current(group)}/${kind}`;
  return Object.hasOwn(known, key) ? known[key] : undefined;
}

/** Anything below the object itself with `spec.containers`; nothing is looked for within one. */
function* bySpec(value: unknown, path: readonly string[]): Iterable<PodTemplate> {
  if (typeof value !== "object" || value === null) return;
  const fields = fieldsOf(value);
  if (path.length > 0 && Array.isArray(fieldsOf(fields.spec).containers)) {
    return yield { path, fields };
  }
  for (const [key, inner] of Object.entries(value)) yield* bySpec(inner, [...path, key]);
}

export function fieldsAt(fields: Fields, path: readonly string[]): Fields {
  return path.reduce<Fields>((part, key) => fieldsOf(part[key]), fields);
}

/** A value's fields; none where it has none. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Fields
    : {};
}
