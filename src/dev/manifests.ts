/**
 * A cluster read from manifest files: as facts, once, and again whenever a file is edited or
 * replaced. A reading is all or nothing, so a slip of the pen leaves the last good state in force.
 */
import { namespaces, pods, serviceAccounts } from "../kubernetes/objects/objects.ts";
import type { Resource } from "../kubernetes/ports.ts";
import type { NamespaceFacts, PodFacts, ServiceAccountFacts } from "../policy/facts.ts";
import { readManifestText } from "../kubernetes/objects/manifest_documents.ts";
import { isIamManifest, readIamManifests } from "./iam_manifests.ts";
import type { ManifestObject } from "./manifest_fields.ts";
import { manifestObjects } from "./manifest_objects.ts";
import type { IamDocuments } from "./sts/iam.ts";

/** What the manifests say, with a line for each thing passed over or made up. */
export interface ManifestCluster {
  readonly pods: readonly PodFacts[];
  readonly namespaces: readonly NamespaceFacts[];
  readonly serviceAccounts: readonly ServiceAccountFacts[];
  /** For the embedded STS. */
  readonly iam: IamDocuments;
  readonly warnings: readonly string[];
}

/** All of the files, or every problem in them: file, document, line, what is expected. */
export type ManifestReading =
  | { readonly kind: "read"; readonly cluster: ManifestCluster }
  | { readonly kind: "problems"; readonly problems: readonly string[] };

/** Rejects where the file can't be read. */
export type ReadTextFile = (path: string) => Promise<string>;

export async function readManifests(
  paths: readonly string[],
  readTextFile: ReadTextFile,
): Promise<ManifestReading> {
  const texts = await Promise.all(paths.map((path) => readOne(path, readTextFile)));
  const documents = texts.flatMap((text) => text.documents);
  const objects = manifestObjects(documents.filter((one) => !isIamManifest(one)));
  const problems = [...texts.flatMap((text) => text.problems), ...objects.problems];
  const cluster = {
    pods: picked(pods, objects.pods, problems),
    namespaces: picked(namespaces, objects.namespaces, problems),
    serviceAccounts: picked(serviceAccounts, objects.serviceAccounts, problems),
    iam: readIamManifests(documents.filter(isIamManifest), problems),
    warnings: objects.warnings,
  };
  return problems.length > 0 ? { kind: "problems", problems } : { kind: "read", cluster };
}

function picked<T>(
  resource: Resource<T>,
  objects: readonly ManifestObject[],
  problems: string[],
): T[] {
  const items: T[] = [];
  for (const object of objects) {
    const pick = resource.pick(object);
    if ("item" in pick) items.push(pick.item);
    else problems.push(pick.problem);
  }
  return items;
}

async function readOne(path: string, readTextFile: ReadTextFile) {
  try {
    return readManifestText(path, await readTextFile(path));
  } catch (fault) {
    const cause = fault instanceof Error ? fault.message : String(fault);
    return { documents: [], problems: [`${path}: can't be read: ${cause}`] };
  }
}

export interface FollowOptions {
  readonly paths: readonly string[];
  readonly readTextFile: ReadTextFile;
  /** Calls back once an edit is complete; returns a stop. */
  readonly watchFile: (path: string, changed: () => void) => () => void;
  readonly read: (reading: ManifestReading) => void;
}

/** Reads all the files again after each change, one reading at a time; returns a stop. */
export function followManifests(options: FollowOptions): () => void {
  let stopped = false;
  let last = Promise.resolve();
  const readAgain = async () => {
    const reading = await readManifests(options.paths, options.readTextFile);
    if (!stopped) options.read(reading);
  };
  const stops = options.paths.map((path) =>
    options.watchFile(path, () => {
      last = last.then(readAgain);
    })
  );
  return () => {
    stopped = true;
    for (const stop of stops) stop();
  };
}
