/**
 * Reads a cluster's facts from manifest files, and again whenever a file is edited or replaced. A
 * reading is all or nothing, so a mistake in a file keeps the last good state.
 */
import { type ManifestFiles, readManifests } from "../kubernetes/manifests/read_manifests.ts";
import { namespaces, pods, serviceAccounts } from "../kubernetes/objects/objects.ts";
import type { Resource } from "../kubernetes/objects/resource.ts";
import type { NamespaceFacts, PodFacts, ServiceAccountFacts } from "../policy/facts.ts";
import { isIamManifest, readIamManifests } from "./iam_manifests.ts";
import { devObjects } from "./manifest_objects.ts";
import type { IamDocuments } from "./sts/iam.ts";

/** The cluster's facts, with a line for each thing that was ignored or made up. */
export interface ManifestCluster {
  readonly pods: readonly PodFacts[];
  readonly namespaces: readonly NamespaceFacts[];
  readonly serviceAccounts: readonly ServiceAccountFacts[];
  /** For the embedded STS. */
  readonly iam: IamDocuments;
  readonly warnings: readonly string[];
}

/** All of the files, or every problem in them: file, document, line, what is expected. */
export type DevReading =
  & {
    /** To watch, folders too. */
    readonly files: readonly string[];
  }
  & (
    | { readonly kind: "read"; readonly cluster: ManifestCluster }
    | { readonly kind: "problems"; readonly problems: readonly string[] }
  );

export async function readCluster(
  paths: readonly string[],
  source: ManifestFiles,
): Promise<DevReading> {
  const { files, objects, problems: unread } = await readManifests(paths, source);
  const completed = devObjects(objects.filter((one) => !isIamManifest(one)));
  const problems = [...unread, ...completed.problems];
  const described = objects.filter(isIamManifest).map(({ document }) => document);
  const iam = readIamManifests(described, problems);
  if (problems.length > 0) return { files, kind: "problems", problems };
  const cluster = {
    pods: picked(pods, completed.pods, problems),
    namespaces: picked(namespaces, completed.namespaces, problems),
    serviceAccounts: picked(serviceAccounts, completed.serviceAccounts, problems),
    iam,
    warnings: completed.warnings,
  };
  if (problems.length > 0) return { files, kind: "problems", problems };
  return { files, kind: "read", cluster };
}

function picked<T>(
  resource: Resource<T>,
  objects: readonly Readonly<Record<string, unknown>>[],
  problems: string[],
): T[] {
  return objects.flatMap((object) => {
    const pick = resource.pick(object);
    if ("item" in pick) return [pick.item];
    problems.push(pick.problem);
    return [];
  });
}

interface FollowOptions {
  readonly paths: readonly string[];
  readonly source: ManifestFiles;
  /** Of the first reading. */
  readonly files: readonly string[];
  /** Calls back once an edit is complete; returns a stop. */
  readonly watchFile: (path: string, changed: () => void) => () => void;
  readonly read: (reading: DevReading) => void;
}

/** Reads all the files again after each change, one reading at a time; returns a stop. */
export function followManifests(options: FollowOptions): () => void {
  const stops = new Map<string, () => void>();
  let stopped = false;
  let last = Promise.resolve();
  const readAgain = async () => {
    const reading = await readCluster(options.paths, options.source);
    if (stopped) return;
    watch(reading.files);
    options.read(reading);
  };
  const watch = (paths: readonly string[]) => {
    for (const path of paths.filter((one) => !stops.has(one))) {
      stops.set(path, options.watchFile(path, () => void (last = last.then(readAgain))));
    }
  };
  watch(options.files);
  return () => {
    stopped = true;
    for (const stop of stops.values()) stop();
  };
}
