/** Opens the cluster that the settings name; unusable settings are returned as problems. */
import { fileURLToPath } from "node:url";
import { codeOf } from "../telemetry/fault.ts";
import { ConnectionFault } from "../kubernetes/client/connection.ts";
import { kubeconfigApi } from "../kubernetes/client/kubeconfig.ts";
import { kubeconfigFile } from "../kubernetes/client/kubeconfig_files.ts";
import type { Log } from "../telemetry/log.ts";
import type { Clock } from "../time/clock.ts";
import type { PodFacts } from "../policy/facts.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { userAgent } from "../version.ts";
import { type ClusterSource, kubernetesSource, manifestSource } from "./cluster_source.ts";
import type { DevSettings } from "./config.ts";
import { readCluster } from "./manifests.ts";

interface OpenClusterOptions {
  readonly runtime: Pick<
    Runtime,
    | "env"
    | "httpClient"
    | "isInteractive"
    | "listFolder"
    | "readStdin"
    | "readTextFile"
    | "run"
    | "watchFile"
  >;
  readonly settings: Pick<DevSettings, "cluster">;
  readonly agentPod: PodFacts;
  readonly clock: Clock;
  readonly log: Log;
  /** Prints lines for the user. */
  readonly print: (lines: readonly string[]) => void;
}

type OpenedCluster =
  | {
    readonly kind: "opened";
    readonly source: ClusterSource;
    /** The manifests it is read from; none for a real cluster. */
    readonly files: readonly string[];
    readonly close: () => void;
  }
  | { readonly kind: "problems"; readonly problems: readonly string[] };

/** Manifests are read once; nothing is requested from a real cluster's API yet. */
export function openCluster(options: OpenClusterOptions): Promise<OpenedCluster> {
  const { cluster } = options.settings;
  return cluster.kind === "manifests"
    ? openManifests(options, cluster.paths)
    : openKubeconfig(options, cluster);
}

async function openManifests(
  options: OpenClusterOptions,
  named: readonly string[],
): Promise<OpenedCluster> {
  const { runtime, agentPod: agent, print } = options;
  const paths = named.length > 0 ? named : [await defaultManifest(runtime.readTextFile)];
  const { readTextFile, listFolder, watchFile } = runtime;
  let stdin: Promise<string> | undefined;
  const manifests = { readTextFile, listFolder, readStdin: () => stdin ??= runtime.readStdin() };
  const reading = await readCluster(paths, manifests);
  if (reading.kind === "problems") return reading;
  const { cluster, files } = reading;
  const source = manifestSource({
    paths,
    cluster,
    files,
    source: manifests,
    watchFile,
    agent,
    print,
  });
  return { kind: "opened", source, files: paths, close: () => {} };
}

async function openKubeconfig(
  options: OpenClusterOptions,
  { path, as }: { readonly path: string; readonly as: readonly string[] },
): Promise<OpenedCluster> {
  const { runtime, agentPod: agent, clock, log } = options;
  try {
    const options = { runtime, clock, userAgent, context: null };
    const api = await kubeconfigApi(kubeconfigFile(path), options);
    const source = kubernetesSource({ api, as, agent, clock, random: Math.random, log });
    return { kind: "opened", source, files: [], close: () => api.close() };
  } catch (fault) {
    if (!(fault instanceof ConnectionFault)) throw fault;
    return { kind: "problems", problems: [fault.message] };
  }
}

const here = "dev/cluster.yaml";
const own = fileURLToPath(new URL("../../dev/cluster.yaml", import.meta.url));

/** A file that exists and can't be read is returned too, so that the problem is reported. */
async function defaultManifest(readTextFile: Runtime["readTextFile"]): Promise<string> {
  try {
    await readTextFile(here);
    return here;
  } catch (fault) {
    return codeOf(fault) === "ENOENT" ? own : here;
  }
}
