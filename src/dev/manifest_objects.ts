/**
 * Completes manifests for the one node of `dev`, as an API server and a node would: UIDs, times, the
 * node, names for `generateName`, and namespaces that aren't in the files.
 */
import { createHash } from "node:crypto";
import { placeholderIn } from "../kubernetes/manifests/facts.ts";
import { type ManifestObject, nameless } from "../kubernetes/manifests/objects.ts";
import { fieldsOf } from "../kubernetes/manifests/pod_templates.ts";
import { type DevObject, warnShared, withLoopbackAddresses } from "./manifest_addresses.ts";

type KubernetesObject = DevObject["object"];

/** The cluster that the manifests describe. Problems mean that none of it may be used. */
interface DevObjects {
  readonly pods: readonly KubernetesObject[];
  readonly namespaces: readonly KubernetesObject[];
  readonly serviceAccounts: readonly KubernetesObject[];
  readonly problems: readonly string[];
  /** What was ignored or made up, a line each. */
  readonly warnings: readonly string[];
}

/** The one node of this cluster. */
export const devNodeName = "dev-node";

/**
 * Every pod becomes one of this node. Pods are distinguished by their addresses in 127.0.0.0/8; a pod
 * without one exists, but no request can come from it.
 */
export function devObjects(objects: readonly ManifestObject[]): DevObjects {
  const problems: string[] = [];
  const warnings: string[] = [];
  const names = new GeneratedNames();
  const of = (kind: string) => {
    const written = objects.filter((one) => one.builtIn && one.kind === kind);
    return written.map((one) => completed(one, one.name ?? names.next(one)));
  };
  const written = of("Namespace");
  const accounts = of("ServiceAccount");
  const pods = of("Pod").map((pod) => withLoopbackAddresses(pod, { problems, warnings }));
  warnings.unshift(...ignored(objects), ...unrendered(objects));
  problems.unshift(...unnamed(pods), ...doubleUids([...written, ...accounts, ...pods]));
  warnShared(pods, warnings);
  const unwritten = missingNamespaces(pods, written, warnings);
  return {
    pods: pods.map(({ object }) => object),
    namespaces: [...written.map(({ object }) => object), ...unwritten],
    serviceAccounts: accounts.map(({ object }) => object),
    problems,
    warnings,
  };
}

function ignored(objects: readonly ManifestObject[]): string[] {
  return objects
    .filter(({ builtIn, kind }) => !builtIn || !/^(?:Pod|Namespace|ServiceAccount)$/.test(kind))
    .map(({ document, kind }) =>
      `${document.place()}: ${kind} ignored: only Pod, Namespace and ServiceAccount are read`
    );
}

/** The role's name isn't known: the template's text is used as it is, and no role has such a name. */
function unrendered(objects: readonly ManifestObject[]): string[] {
  return objects.flatMap((object) => {
    const placeholder = placeholderIn(object, []);
    return placeholder === null
      ? []
      : [`${object.document.place(["metadata", "annotations"])}: ${placeholder}`];
  });
}

function unnamed(pods: readonly DevObject[]): string[] {
  return pods.filter(({ name }) => name === "").map(({ document }) => nameless(document));
}

/** The API server's are random; these are the same after each edit, and can be typed. */
class GeneratedNames {
  readonly #given = new Map<string, number>();

  next({ kind, namespace, generateName }: ManifestObject): string {
    if (generateName === "") return "";
    const key = `${kind} ${namespace}/${generateName}`;
    const count = (this.#given.get(key) ?? 0) + 1;
    this.#given.set(key, count);
    return `${generateName}${count}`;
  }
}

function completed({ document, kind, namespace, templates }: ManifestObject, name: string) {
  const place = kind === "Namespace" ? {} : { namespace };
  const { fields } = document;
  const defaults = {
    uid: madeUpUid(`${kind}/${namespace}/${name}`),
    creationTimestamp: "2026-01-01T00:00:00Z",
  };
  const metadata = { ...defaults, ...fieldsOf(fields.metadata), name, ...place };
  const object: KubernetesObject = { apiVersion: "v1", ...fields, metadata };
  const result = { document, name, namespace: kind === "Namespace" ? "" : namespace, object };
  const [pod] = templates;
  if (pod === undefined) return result;
  const spec = { ...fieldsOf(pod.fields.spec), nodeName: devNodeName };
  return { ...result, object: { ...object, spec, status: fieldsOf(fields.status) } };
}

/** The same for the same object, so that an edit updates the pod instead of replacing it. */
function madeUpUid(key: string): string {
  const hex = createHash("sha256").update(`rolecall dev ${key}`).digest("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, "$1-$2-$3-$4-$5");
}

function doubleUids(objects: readonly DevObject[]): string[] {
  const owners = new Map<unknown, string>();
  return objects.flatMap(({ document, namespace, name, object }) => {
    const { uid } = fieldsOf(object.metadata);
    const owner = owners.get(uid);
    if (owner === undefined) owners.set(uid, `${document.kind} ${namespace}/${name}`);
    if (owner === undefined) return [];
    const path = ["metadata", "uid"];
    return [
      `${document.place(path)}: metadata.uid is ${document.source(path)}; ${owner} has it already`,
    ];
  });
}

function missingNamespaces(
  pods: readonly DevObject[],
  written: readonly DevObject[],
  warnings: string[],
): KubernetesObject[] {
  const known = new Set(written.map(({ name }) => name));
  const missing = new Set(pods.map(({ namespace }) => namespace).filter((one) => !known.has(one)));
  return [...missing].map((name) => {
    warnings.push(`namespace ${name} isn't in the manifests: assumed to have no annotations`);
    return { apiVersion: "v1", kind: "Namespace", metadata: { name, uid: madeUpUid(name) } };
  });
}
