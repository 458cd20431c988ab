/**
 * Checks what manifests say of pods, namespaces and ServiceAccounts, and completes it as an API
 * server and a node would: UIDs, times, the node, namespaces that nobody wrote down.
 */
import { createHash } from "node:crypto";
import type { ManifestDocument } from "./manifest_documents.ts";

/** A Kubernetes object with all that the facts are picked from. */
export type ManifestObject = Readonly<Record<string, unknown>>;

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

type Fields = Readonly<Record<string, unknown>>;

interface Read {
  readonly document: ManifestDocument;
  readonly name: string;
  readonly namespace: string;
  readonly object: ManifestObject;
}

/**
 * Every pod becomes one of this node. Pods need a `status.podIP` in 127.0.0.0/8, by which they are
 * told apart, unless they are on the host's network or have ended.
 */
export function manifestObjects(documents: readonly ManifestDocument[]): ManifestObjects {
  const problems: string[] = [];
  const warnings: string[] = [];
  const read = documents
    .filter((document) => isWanted(document, warnings))
    .map((document) => readObject(document, problems))
    .filter((one) => one !== undefined);
  const pods = read.filter(({ document }) => document.kind === "Pod");
  for (const pod of pods) checkAddresses(pod, problems);
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

function readObject(document: ManifestDocument, problems: string[]): Read | undefined {
  const metadata = fieldsOf(document.fields.metadata);
  const name = metadata.name;
  if (typeof name !== "string" || name === "") {
    problems.push(
      `${document.place(["metadata", "name"])}: metadata.name is ${shown(name)}: expected a name`,
    );
    return undefined;
  }
  checkAnnotations(document, metadata, problems);
  checkTypes(document, problems);
  const namespace = typeof metadata.namespace === "string" ? metadata.namespace : "default";
  const object = completed(document, metadata, namespace, name);
  return { document, name, namespace: document.kind === "Namespace" ? "" : namespace, object };
}

/** The API server takes texts only; an unquoted `true` or `8` in YAML is none. */
function checkAnnotations(document: ManifestDocument, metadata: Fields, problems: string[]): void {
  for (const [key, value] of Object.entries(fieldsOf(metadata.annotations))) {
    if (typeof value === "string") continue;
    problems.push(
      `${document.place(["metadata", "annotations", key])}: annotation ${key} is ` +
        `${shown(value)}: expected a text; put it in quotes`,
    );
  }
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
] as const;

const expectations = {
  string: "a text; put it in quotes",
  boolean: "true or false",
  object: "fields",
} as const;

/** The facts are picked leniently: here a slip must not pass for something left out. */
function checkTypes(document: ManifestDocument, problems: string[]): void {
  for (const [path, type] of types) {
    const value = path.reduce<unknown>((part, key) => fieldsOf(part)[key], document.fields);
    if (value === undefined || value === null || typeof value === type) continue;
    const field = path.join(".");
    problems.push(
      `${document.place(path)}: ${field} is ${shown(value)}: expected ${expectations[type]}`,
    );
  }
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
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20, 32),
  ]
    .join("-");
}

function checkAddresses({ document, object }: Read, problems: string[]): void {
  if (hasNoAddress(object)) return;
  const addresses = addressesOf(object);
  const place = document.place(["status", "podIP"]);
  const expected = "expected an address in 127.0.0.0/8, such as 127.0.0.2";
  if (addresses.length === 0) problems.push(`${place}: status.podIP is missing: ${expected}`);
  for (const address of addresses.filter((one) => !isLoopback(one))) {
    problems.push(`${place}: status.podIP is ${shown(address)}: ${expected}, to ask from here`);
  }
}

/** On the host's network or ended: never found by address, so any address will do. */
function hasNoAddress(object: ManifestObject): boolean {
  const phase = fieldsOf(object.status).phase;
  const ended = phase === "Succeeded" || phase === "Failed";
  return ended || fieldsOf(object.spec).hostNetwork === true;
}

function addressesOf(object: ManifestObject): readonly unknown[] {
  const status = fieldsOf(object.status);
  const several = Array.isArray(status.podIPs) ? status.podIPs : [];
  const all = [status.podIP, ...several.map((one) => fieldsOf(one).ip)];
  return [...new Set(all.filter((one) => one !== undefined && one !== null && one !== ""))];
}

function isLoopback(address: unknown): boolean {
  if (typeof address !== "string") return false;
  const parts = address.split(".");
  return parts.length === 4 && parts[0] === "127" && parts.every(isByte);
}

function isByte(text: string): boolean {
  return /^(0|[1-9]\d{0,2})$/.test(text) && Number(text) < 256;
}

function checkDoubles(read: readonly Read[], problems: string[]): void {
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

/** Two pods at one address is something to try, as neither may get an answer. */
function warnShared(pods: readonly Read[], warnings: string[]): void {
  const owners = new Map<unknown, string>();
  for (const { object, document, namespace, name } of pods) {
    for (const address of hasNoAddress(object) ? [] : addressesOf(object)) {
      const owner = owners.get(address);
      owners.set(address, `${namespace}/${name}`);
      if (owner === undefined) continue;
      warnings.push(`${document.place(["status"])}: ${address} is ${owner}'s address as well`);
    }
  }
}

function missingNamespaces(
  pods: readonly Read[],
  written: readonly Read[],
  warnings: string[],
): ManifestObject[] {
  const known = new Set(written.map(({ name }) => name));
  const missing = new Set(pods.map(({ namespace }) => namespace).filter((one) => !known.has(one)));
  return [...missing].map((name) => {
    warnings.push(`namespace ${name} isn't written down: taken as one without annotations`);
    return { apiVersion: "v1", kind: "Namespace", metadata: { name, uid: madeUpUid(name) } };
  });
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Fields
    : {};
}

function shown(value: unknown): string {
  if (value === undefined) return "missing";
  return (JSON.stringify(value) ?? String(value)).slice(0, 80);
}
