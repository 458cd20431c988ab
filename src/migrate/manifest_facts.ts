/**
 * Facts from manifest files: Pods as they are, and the pods that Deployments, CronJobs and the like
 * would make. Kinds without pods are passed over.
 */
import { readManifestText } from "../kubernetes/objects/manifest_documents.ts";
import type { ClusterFacts } from "../kubernetes/objects/cluster_facts.ts";
import { namespaces, pods, serviceAccounts } from "../kubernetes/objects/objects.ts";
import type { PodFacts } from "../policy/facts.ts";

export type ManifestFacts =
  | { readonly kind: "read"; readonly cluster: ClusterFacts }
  | { readonly kind: "problems"; readonly problems: readonly string[] };

type Fields = Readonly<Record<string, unknown>>;

/** Where each kind has its pod template. */
const templates: Readonly<Record<string, readonly string[]>> = {
  Deployment: ["spec", "template"],
  StatefulSet: ["spec", "template"],
  DaemonSet: ["spec", "template"],
  ReplicaSet: ["spec", "template"],
  ReplicationController: ["spec", "template"],
  Job: ["spec", "template"],
  CronJob: ["spec", "jobTemplate", "spec", "template"],
};

/** All files, or every problem in them. A namespace that no file has is one without annotations. */
export function manifestFacts(
  files: readonly (readonly [path: string, text: string])[],
): ManifestFacts {
  const texts = files.map(([path, text]) => readManifestText(path, text));
  const problems = texts.flatMap((text) => text.problems);
  const documents = texts.flatMap((text) => text.documents);
  const found = documents.flatMap(({ kind, fields }, index) => podOf(kind, fields, index));
  const of = (kind: string) => documents.filter((one) => one.kind === kind);
  const spaces = of("Namespace").flatMap(({ fields }) => itemOf(namespaces.pick(fields)));
  const accounts = of("ServiceAccount").flatMap(({ fields }) =>
    itemOf(serviceAccounts.pick(placed(fields)))
  );
  if (problems.length > 0) return { kind: "problems", problems };
  const named = new Map(spaces.map((one) => [one.name, one]));
  for (const { namespace } of found) {
    if (!named.has(namespace)) named.set(namespace, bareNamespace(namespace));
  }
  return {
    kind: "read",
    cluster: {
      pods: found,
      namespaces: named,
      serviceAccounts: new Map(accounts.map((one) => [`${one.namespace}/${one.name}`, one])),
    },
  };
}

function podOf(kind: string, fields: Fields, index: number): PodFacts[] {
  const template = kind === "Pod" ? fields : templateOf(kind, fields);
  if (template === null) return [];
  const own = fieldsOf(fields["metadata"]);
  const metadata = fieldsOf(template["metadata"]);
  const name = kind === "Pod" ? own["name"] : `${kind.toLowerCase()}/${own["name"]}`;
  const object = {
    ...template,
    metadata: { ...metadata, name, namespace: own["namespace"] ?? "default", uid: String(index) },
  };
  return itemOf(pods.pick(object));
}

function templateOf(kind: string, fields: Fields): Fields | null {
  const path = Object.hasOwn(templates, kind) ? templates[kind] : undefined;
  if (path === undefined) return null;
  return path.reduce((part, key) => fieldsOf(part[key]), fields);
}

function placed(fields: Fields): Fields {
  return { ...fields, metadata: { namespace: "default", ...fieldsOf(fields["metadata"]) } };
}

function bareNamespace(name: string) {
  return { name, permitted: null, allowedRoles: null, defaultRole: null, imdsv2: null };
}

function itemOf<T>(picked: { readonly item: T } | { readonly problem: string }): T[] {
  return "item" in picked ? [picked.item] : [];
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Fields
    : {};
}
