/** Opens what the settings name as the cluster; settings that can't be used are problems. */
import { fileURLToPath } from "node:url";
import { createKubernetesApi } from "../kubernetes/client/api.ts";
import { ConnectionFault } from "../kubernetes/client/connection.ts";
import { kubeconfigConnection } from "../kubernetes/client/kubeconfig.ts";
import type { Clock, Log } from "../kubernetes/ports.ts";
import type { PodFacts } from "../policy/facts.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { version } from "../version.ts";
import { type ClusterSource, kubernetesSource, manifestSource } from "./cluster_source.ts";
import type { DevSettings } from "./config.ts";
import { readCluster } from "./manifests.ts";

interface OpenClusterOptions {
  readonly runtime: Pick<
    Runtime,
    "env" | "httpClient" | "readTextFile" | "listFolder" | "readStdin" | "watchFile"
  >;
  readonly settings: Pick<DevSettings, "cluster">;
  readonly agentPod: PodFacts;
  readonly clock: Clock;
  readonly log: Log;
  /** Lines for the person in front of it. */
  readonly tell: (lines: readonly string[]) => void;
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

/** Manifests are read once; a real cluster's API isn't asked anything yet. */
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
  const { runtime, agentPod: agent, tell } = options;
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
    tell,
  });
  return { kind: "opened", source, files: paths, close: () => {} };
}

async function openKubeconfig(
  options: OpenClusterOptions,
  { path, as }: { readonly path: string; readonly as: readonly string[] },
): Promise<OpenedCluster> {
  const { runtime, agentPod: agent, clock, log } = options;
  const { readTextFile, env } = runtime;
  try {
    const connection = await kubeconfigConnection(path, { clock, readTextFile, env });
    const api = createKubernetesApi({
      connection,
      httpClient: (tls) => runtime.httpClient(tls),
      clock,
      userAgent: `rolecall/${version}`,
    });
    const source = kubernetesSource({ api, as, agent, clock, random: Math.random, log });
    return { kind: "opened", source, files: [], close: () => api.close() };
  } catch (fault) {
    if (!(fault instanceof ConnectionFault)) throw fault;
    return { kind: "problems", problems: [`--kubeconfig: ${fault.message}`] };
  }
}

const here = "dev/cluster.yaml";
const own = fileURLToPath(new URL("../../dev/cluster.yaml", import.meta.url));

/** One that is there and can't be read is named all the same, so that its problem is told. */
async function defaultManifest(readTextFile: Runtime["readTextFile"]): Promise<string> {
  try {
    await readTextFile(here);
    return here;
  } catch (fault) {
    return (fault as { code?: unknown } | null)?.code === "ENOENT" ? own : here;
  }
}
