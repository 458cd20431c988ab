/**
 * Checks what manifests say of pods, namespaces and ServiceAccounts, and completes it as an API
 * server and a node would: UIDs, times, the node, namespaces that nobody wrote down.
 */
import { createHash } from "node:crypto";
import { warnShared, withLoopbackAddresses } from "./manifest_addresses.ts";
import type { ManifestDocument } from "../kubernetes/objects/manifest_documents.ts";
import {
  checkAnnotations,
  checkTypes,
  type Fields,
  fieldsOf,
  type ManifestObject,
  type ReadObject,
  shown,
} from "./manifest_fields.ts";

/** The cluster that the manifests describe. Problems mean that none of it may be used. */
export interface ManifestObjects {
  readonly pods: readonly ManifestObject[];
  readonly namespaces: readonly ManifestObject[];
  readonly serviceAccounts: readonly ManifestObject[];
  readonly problems: readonly string[];
  /** What was passed over or made up, a line each. */
  readonly warnings: readonly string[];
}

/** The one node of this cluster. */
export const devNodeName = "dev-node";

/**
 * Every pod becomes one of this node. Pods are told apart by their addresses in 127.0.0.0/8; one
 * without is there, and can't be asked as.
 */
export function manifestObjects(documents: readonly ManifestDocument[]): ManifestObjects {
  const problems: string[] = [];
  const warnings: string[] = [];
  const read = documents
    .filter((document) => isWanted(document, warnings))
    .map((document) => readObject(document, problems))
    .filter((one) => one !== undefined);
  const pods = read
    .filter(({ document }) => document.kind === "Pod")
    .map((pod) => withLoopbackAddresses(pod, { problems, warnings }));
  checkDoubles(read, problems);
  warnShared(pods, warnings);
  const written = read.filter(({ document }) => document.kind === "Namespace");
  const unwritten = missingNamespaces(pods, written, warnings);
  return {
    pods: pods.map(({ object }) => object),
    namespaces: [...written.map(({ object }) => object), ...unwritten],
    serviceAccounts: read.filter((one) => one.document.kind === "ServiceAccount").map((one) =>
      one.object
    ),
    problems,
    warnings,
  };
}

const wanted = new Set(["Pod", "Namespace", "ServiceAccount"]);

function isWanted(document: ManifestDocument, warnings: string[]): boolean {
  if (wanted.has(document.kind)) return true;
  warnings.push(
    `${document.place()}: ${document.kind} passed over: only Pod, Namespace and ServiceAccount are read`,
  );
  return false;
}

function readObject(document: ManifestDocument, problems: string[]): ReadObject | undefined {
  const metadata = fieldsOf(document.fields.metadata);
  const name = metadata.name;
  if (typeof name !== "string" || name === "") {
    problems.push(
      `${document.place(["metadata", "name"])}: metadata.name is ${shown(name)}: expected a name`,
    );
    return undefined;
  }
  checkAnnotations(document, problems);
  checkTypes(document, problems);
  const namespace = typeof metadata.namespace === "string" ? metadata.namespace : "default";
  const object = completed(document, metadata, namespace, name);
  return { document, name, namespace: document.kind === "Namespace" ? "" : namespace, object };
}

function completed(
  document: ManifestDocument,
  metadata: Fields,
  namespace: string,
  name: string,
): ManifestObject {
  const place = document.kind === "Namespace" ? {} : { namespace };
  const uid = madeUpUid(`${document.kind}/${namespace}/${name}`);
  const object = {
    apiVersion: "v1",
    ...document.fields,
    metadata: { uid, creationTimestamp: "2026-01-01T00:00:00Z", ...metadata, ...place },
  };
  if (document.kind !== "Pod") return object;
  return {
    ...object,
    spec: { ...fieldsOf(document.fields.spec), nodeName: devNodeName },
    status: fieldsOf(document.fields.status),
  };
}

/** Always the same for the same object, so that an edit is an update and not another pod. */
function madeUpUid(key: string): string {
  const hex = createHash("sha256").update(`rolecall dev ${key}`).digest("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, "$1-$2-$3-$4-$5");
}

function checkDoubles(read: readonly ReadObject[], problems: string[]): void {
  const names = new Map<string, ManifestDocument>();
  const uids = new Map<unknown, string>();
  for (const { document, namespace, name, object } of read) {
    const key = `${document.kind} ${namespace === "" ? name : `${namespace}/${name}`}`;
    const { uid } = fieldsOf(object.metadata);
    const first = names.get(key);
    const owner = uids.get(uid);
    names.set(key, document);
    uids.set(uid, key);
    if (first !== undefined) {
      problems.push(`${document.place()}: ${key} is there already: ${first.place()}`);
    } else if (owner !== undefined) {
      const place = document.place(["metadata", "uid"]);
      problems.push(`${place}: metadata.uid is ${shown(uid)}: ${owner} has it already`);
    }
  }
}

function missingNamespaces(
  pods: readonly ReadObject[],
  written: readonly ReadObject[],
  warnings: string[],
): ManifestObject[] {
  const known = new Set(written.map(({ name }) => name));
  const missing = new Set(pods.map(({ namespace }) => namespace).filter((one) => !known.has(one)));
  return [...missing].map((name) => {
    warnings.push(`namespace ${name} isn't written down: taken as one without annotations`);
    return { apiVersion: "v1", kind: "Namespace", metadata: { name, uid: madeUpUid(name) } };
  });
}
