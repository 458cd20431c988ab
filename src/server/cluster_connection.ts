/** The server's Kubernetes adapters, over one connection to the API server. */
import { createKubernetesApi, type KubernetesApi } from "../kubernetes/client/api.ts";
import { type Connection, ConnectionFault } from "../kubernetes/client/connection.ts";
import { EventRecorder } from "../kubernetes/operations/event_recorder.ts";
import { checkAdmissionPolicy } from "../kubernetes/operations/admission_policy_check.ts";
import { inClusterConnection } from "../kubernetes/client/in_cluster.ts";
import { removeNodeTaint } from "../kubernetes/operations/node_taint.ts";
import { namespaces, pods, serviceAccounts } from "../kubernetes/objects/objects.ts";
import { createPodReads } from "../kubernetes/operations/pod_reads.ts";
import type { Resource } from "../kubernetes/objects/resource.ts";
import { Reflector, type ReflectorStatus } from "../kubernetes/reflector/reflector.ts";
import { createAccessReview } from "../kubernetes/operations/access_review.ts";
import { tokenFenceProblem } from "../kubernetes/operations/token_fence.ts";
import { createTokenRequest } from "../kubernetes/operations/token_request.ts";
import { createTokenReview } from "../kubernetes/operations/token_review.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { systemClock } from "../time/system_clock.ts";
import { userAgent } from "../version.ts";
import type { ClusterIndex, Sink } from "./cluster/cluster_index.ts";
import type { ServerSettings } from "./config.ts";
import type { ReadPodsByAddress } from "./assignments/direct_read.ts";
import type { EventSink } from "./assignments/object_events.ts";
import type { Log } from "../telemetry/log.ts";
import type { RequestToken, ReviewAccess, ReviewToken } from "./ports.ts";
import type { PodName } from "./status/data/summary.ts";
import type { WatchStatus } from "./readiness.ts";
import { bearerToken, readClaims } from "./access/token_claims.ts";

/** How long the policy on token requests is taken to be unchanged, in place or not. */
const fenceCheckMs = { inPlace: 60_000, problem: 5_000 };

export interface Cluster {
  readonly kind: "cluster";
  readonly api: KubernetesApi;
  readonly namespace: string | null;
  /** This replica's name. */
  readonly replica: string;
  /** Null outside a cluster. */
  readonly ownPod: PodName | null;
  readonly reviewToken: ReviewToken;
  readonly reviewAccess: ReviewAccess;
  readonly readPodsByAddress: ReadPodsByAddress;
  readonly eventSink: EventSink;
  readonly removeTaint: (node: string, key: string) => Promise<"removed" | "absent">;
  readonly ownUsername: () => Promise<string | null>;
  readonly requestToken: RequestToken;
  readonly tokenFenceProblem: () => Promise<string | null>;
  /** The CA's PEM from a ConfigMap in the server's namespace. */
  readonly readAuthority: (configMap: string) => Promise<string>;
  readonly watches: () => readonly WatchStatus[];
  /** Feeds the index until `signal` aborts. */
  readonly run: (index: ClusterIndex, log: Log, signal: AbortSignal) => Promise<void>;
  readonly close: () => void;
}

type ConnectedCluster = Cluster | { readonly kind: "problem"; readonly problem: string };

/** Makes no API call yet; unusable settings are a problem. */
export async function connectCluster(
  runtime: Runtime,
  settings: ServerSettings,
): Promise<ConnectedCluster> {
  try {
    return clusterOver(await connectionOf(runtime, settings), runtime, settings);
  } catch (fault) {
    if (!(fault instanceof ConnectionFault) || fault.code !== "settings_broken") throw fault;
    return { kind: "problem", problem: fault.message };
  }
}

async function connectionOf(runtime: Runtime, settings: ServerSettings): Promise<Connection> {
  const { kubeconfig } = settings;
  const { env, readTextFile } = runtime;
  const clock = systemClock;
  if (kubeconfig === null) return inClusterConnection({ clock, readTextFile, env });
  // A server in a cluster starts without YAML and the rules of kubeconfigs.
  const { kubeconfigConnection } = await import("../kubernetes/client/kubeconfig.ts");
  const { kubeconfigFile } = await import("../kubernetes/client/kubeconfig_files.ts");
  return await kubeconfigConnection(kubeconfigFile(kubeconfig), { runtime, clock, context: null });
}

function clusterOver(connection: Connection, runtime: Runtime, settings: ServerSettings): Cluster {
  const clock = systemClock;
  const api = createKubernetesApi({
    connection,
    httpClient: (tls) => runtime.httpClient(tls),
    clock,
    userAgent,
  });
  const replica = runtime.env["POD_NAME"] ?? runtime.env["HOSTNAME"] ?? "rolecall-server";
  const namespace = settings.namespace ?? api.namespace;
  const recorder = new EventRecorder({ api, clock, component: "rolecall", instance: replica });
  let reflectors: readonly Reflecting[] = [];
  return {
    kind: "cluster",
    api,
    namespace,
    replica,
    ownPod: ownPodOf(runtime, namespace),
    reviewToken: createTokenReview(api),
    reviewAccess: createAccessReview(api, {
      namespace: namespace ?? "default",
      verb: "get",
      group: "rolecall.dev",
      resource: "status",
    }),
    readPodsByAddress: createPodReads(api).podsByAddress,
    eventSink: (event) => recorder.record(event),
    removeTaint: (node, key) => removeNodeTaint(api, node, key),
    ownUsername: () => ownUsername(connection),
    requestToken: createTokenRequest(api),
    tokenFenceProblem: cached(
      async () =>
        await tokenFenceProblem({
          api,
          username: await ownUsername(connection),
          audience: settings.policy.webIdentityAudience,
        }),
    ),
    readAuthority: (name) => readAuthority(api, namespace, name),
    watches: () => reflectors.map(statusOf),
    run: async (index, log, signal) => {
      reflectors = reflectorsOf(api, index, log);
      void warnWithoutAdmissionPolicy(api, log);
      await Promise.all(reflectors.map(({ reflector }) => reflector.run(signal)));
    },
    close: () => api.close(),
  };
}

function ownPodOf({ env }: Runtime, namespace: string | null): PodName | null {
  const name = env["POD_NAME"];
  return name === undefined || namespace === null ? null : { namespace, name };
}

interface Reflecting {
  readonly resource: string;
  readonly reflector: { run(signal: AbortSignal): Promise<void>; status(): ReflectorStatus };
}

/** The reflectors that fill the index. */
function reflectorsOf(api: KubernetesApi, index: ClusterIndex, log: Log): readonly Reflecting[] {
  const shared = { api, clock: systemClock, random: Math.random, log };
  const reflect = <T>(resource: Resource<T>, sink: Sink<T>) => ({
    resource: resource.plural,
    reflector: new Reflector({ ...shared, resource, sink }),
  });
  return [
    reflect(pods, index.pods),
    reflect(namespaces, index.namespaces),
    reflect(serviceAccounts, index.serviceAccounts),
  ];
}

function statusOf({ resource, reflector }: Reflecting): WatchStatus {
  const { synced, watchAgeSeconds, restarts, lastError, forbidden } = reflector.status();
  const denied = forbidden === null ? lastError : `RBAC doesn't let the server ${forbidden}`;
  return { resource, synced, ageSeconds: watchAgeSeconds, restarts, lastError: denied };
}

async function warnWithoutAdmissionPolicy(api: KubernetesApi, log: Log): Promise<void> {
  if (await checkAdmissionPolicy(api) !== "missing") return;
  log.warn(
    {},
    "no ValidatingAdmissionPolicy keeps kubelets from changing iam.amazonaws.com annotations; " +
      "apply deploy/kustomize/base",
  );
}

async function readAuthority(
  api: KubernetesApi,
  namespace: string | null,
  name: string,
): Promise<string> {
  const path = `/api/v1/namespaces/${namespace ?? "default"}/configmaps/${name}`;
  const object = await api.json({ action: `get configmaps ${name}`, path });
  const text = (object as { data?: Record<string, unknown> } | null)?.data?.["ca.crt"];
  if (typeof text !== "string") throw new Error(`ConfigMap ${name} has no ca.crt`);
  return text;
}

/** Reads at most once in that time, and once for concurrent callers: a policy rarely changes. */
function cached(read: () => Promise<string | null>): () => Promise<string | null> {
  let answer: Promise<string | null> | undefined;
  let until = 0;
  return () => {
    const now = systemClock.monotonic();
    if (answer !== undefined && now < until) return answer;
    const current = answer = read();
    until = now + fenceCheckMs.inPlace;
    void current.then((problem) => {
      if (problem !== null && answer === current) until = now + fenceCheckMs.problem;
    });
    return current;
  };
}

/** The subject of the server's own API token; null without one. */
async function ownUsername(connection: Connection): Promise<string | null> {
  const access = await connection.access(false).catch(() => undefined);
  const token = bearerToken(access?.headers["Authorization"]);
  return token === undefined ? null : readClaims(token)?.subject ?? null;
}
