/**
 * The sources of `dev`'s cluster: manifest files, re-read after edits, or the lists and watches of a
 * real cluster. Both feed the server's index; the agent's own pod is always included.
 */
import type { KubernetesApi } from "../kubernetes/client/api.ts";
import type { ManifestFiles } from "../kubernetes/manifests/read_manifests.ts";
import { namespaces, pods, serviceAccounts } from "../kubernetes/objects/objects.ts";
import type { Resource, Sink } from "../kubernetes/objects/resource.ts";
import type { Log } from "../telemetry/log.ts";
import type { Clock } from "../time/clock.ts";
import { Reflector } from "../kubernetes/reflector/reflector.ts";
import type { NamespaceFacts, PodFacts, ServiceAccountFacts } from "../policy/facts.ts";
import type { WatchStatus } from "../server/readiness.ts";
import { devNodeName } from "./manifest_objects.ts";
import { type DevReading, followManifests, type ManifestCluster } from "./manifests.ts";
import type { IamDocuments } from "./sts/iam.ts";
import { aborted } from "../time/pause.ts";

/** The server's index and the embedded STS. */
interface Sinks {
  readonly iam: { replace(documents: IamDocuments): void };
  readonly pods: Sink<PodFacts>;
  readonly namespaces: Sink<NamespaceFacts>;
  readonly serviceAccounts: Sink<ServiceAccountFacts>;
}

export interface ClusterSource {
  /** List/watch status in the server's form. */
  readonly watches: () => readonly WatchStatus[];
  /** Feeds the sinks until `signal` aborts. */
  run(sinks: Sinks, signal: AbortSignal): Promise<void>;
}

interface ManifestSourceOptions {
  readonly paths: readonly string[];
  /** The first reading, which had no problems. */
  readonly cluster: ManifestCluster;
  /** The files that it came from, to be watched. */
  readonly files: readonly string[];
  readonly source: ManifestFiles;
  readonly watchFile: (path: string, changed: () => void) => () => void;
  readonly agent: PodFacts;
  /** Prints warnings, or the problems because of which the last good state stays. */
  readonly print: (lines: readonly string[]) => void;
}

/** Files are always up to date, so the age is 0. */
export function manifestSource(options: ManifestSourceOptions): ClusterSource {
  let lastError: string | null = null;
  const feed = (sinks: Sinks, reading: DevReading) => {
    lastError = reading.kind === "problems" ? reading.problems[0] ?? null : null;
    if (reading.kind === "problems") return options.print([...reading.problems, "nothing changed"]);
    const { cluster } = reading;
    options.print(cluster.warnings);
    sinks.iam.replace(cluster.iam);
    sinks.namespaces.replace(cluster.namespaces);
    sinks.serviceAccounts.replace(cluster.serviceAccounts);
    sinks.pods.replace([...cluster.pods, options.agent]);
  };
  const status = { resource: "manifests", synced: true, ageSeconds: 0, restarts: 0 };
  return {
    watches: () => [{ ...status, lastError }],
    async run(sinks, signal) {
      const stop = followManifests({ ...options, read: (reading) => feed(sinks, reading) });
      feed(sinks, { ...options, kind: "read" });
      await aborted(signal);
      stop();
    },
  };
}

interface KubernetesSourceOptions {
  readonly api: Pick<KubernetesApi, "open">;
  /** `NAMESPACE/POD`: only these are answered for. */
  readonly as: readonly string[];
  readonly agent: PodFacts;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly log: Log;
}

/** Reads the cluster and changes nothing in it. */
export function kubernetesSource(options: KubernetesSourceOptions): ClusterSource {
  const reflectors: { readonly resource: string; readonly reflector: Reflector<never> }[] = [];
  const start = <T>(resource: Resource<T>, sink: Sink<T>, signal: AbortSignal) => {
    const reflector = new Reflector({ ...options, resource, sink });
    reflectors.push({ resource: resource.plural, reflector: reflector as Reflector<never> });
    return reflector.run(signal);
  };
  return {
    watches: () =>
      reflectors.map(({ resource, reflector }) => {
        const { synced, watchAgeSeconds, restarts, lastError } = reflector.status();
        return { resource, synced, ageSeconds: watchAgeSeconds, restarts, lastError };
      }),
    async run(sinks, signal) {
      await Promise.all([
        start(namespaces, sinks.namespaces, signal),
        start(serviceAccounts, sinks.serviceAccounts, signal),
        start(pods, actedPods(sinks.pods, options.as, options.agent), signal),
      ]);
    },
  };
}

/**
 * Lets only the named pods through (`NAMESPACE/POD`), moved to this node: the first at 127.0.0.1, the
 * next at 127.0.0.2, and so on.
 */
function actedPods(
  sink: Sink<PodFacts>,
  names: readonly string[],
  agent: PodFacts,
): Sink<PodFacts> {
  const acted = (pod: PodFacts): PodFacts[] => {
    const at = names.indexOf(`${pod.namespace}/${pod.name}`);
    if (at < 0) return [];
    return [{ ...pod, nodeName: devNodeName, ips: [`127.0.0.${at + 1}`] }];
  };
  return {
    replace: (pods) => sink.replace([...pods.flatMap(acted), agent]),
    upsert: (pod) => acted(pod).forEach((one) => sink.upsert(one)),
    remove: (uid) => sink.remove(uid),
  };
}
