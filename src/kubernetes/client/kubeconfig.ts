/** The API of a kubeconfig's cluster, for commands run from a workstation, as kubectl reaches it. */
import { environmentProxy, proxyProblems, readProxy } from "../../net/environment_proxy.ts";
import { type ApiOptions, createKubernetesApi, type KubernetesApi } from "./api.ts";
import { messageWithCause } from "./api_fault.ts";
import { type Connection, ConnectionFault, type ConnectionOptions } from "./connection.ts";
import type { ExecPluginOptions } from "./exec_plugin.ts";
import { KubeconfigAuthentication } from "./kubeconfig_authentication.ts";
import { selectContext, type SelectedContext, serverUrl } from "./kubeconfig_context.ts";
import { type KubeconfigFiles, readKubeconfig } from "./kubeconfig_files.ts";

export interface KubeconfigOptions {
  readonly runtime:
    & Omit<ConnectionOptions, "clock">
    & Pick<ExecPluginOptions, "run" | "isInteractive">
    & Pick<ApiOptions, "httpClient">;
  readonly clock: ApiOptions["clock"];
  /** `--context`; null: the kubeconfig's current one. */
  readonly context: string | null;
}

/**
 * No request is sent to the API yet.
 * @throws {ConnectionFault} files are missing, broken or name something that is not supported
 */
export async function kubeconfigApi(
  files: KubeconfigFiles,
  options: KubeconfigOptions & Pick<ApiOptions, "userAgent">,
): Promise<KubernetesApi> {
  const { clock, userAgent, runtime: { httpClient } } = options;
  const connection = await kubeconfigConnection(files, options);
  return createKubernetesApi({ connection, httpClient, clock, userAgent });
}

/** Runs `use` with the cluster's API and closes it. @throws {ConnectionFault} as `kubeconfigApi` */
export async function withKubeconfigApi<T>(
  files: KubeconfigFiles,
  options: KubeconfigOptions & Pick<ApiOptions, "userAgent">,
  use: (api: KubernetesApi) => Promise<T>,
): Promise<T> {
  const api = await kubeconfigApi(files, options);
  try {
    return await use(api);
  } finally {
    api.close();
  }
}

/**
 * Reads the files once; the certificates and tokens that they point to are followed as they change.
 * @throws {ConnectionFault} as `kubeconfigApi`
 */
export async function kubeconfigConnection(
  files: KubeconfigFiles,
  { runtime, clock, context }: KubeconfigOptions,
): Promise<Connection> {
  const { env, readTextFile, run, isInteractive } = runtime;
  const config = await readKubeconfig(files, readTextFile);
  try {
    const selected = selectContext(config, context);
    const options = { env, readTextFile, run, isInteractive, clock };
    const authentication = new KubeconfigAuthentication(selected, options);
    return {
      server: serverUrl(selected.cluster),
      namespace: selected.namespace,
      proxyFor: proxyOf(selected, env),
      access: (refresh) => authentication.access(refresh),
    };
  } catch (fault) {
    const message = `${files.label}: ${messageWithCause(fault)}`;
    throw new ConnectionFault("settings_broken", message, { cause: fault });
  }
}

/** As kubectl has it: the context's namespace, or `default`; also without a kubeconfig. */
export async function contextNamespace(
  files: KubeconfigFiles | null,
  options: KubeconfigOptions,
): Promise<string> {
  if (files === null) return "default";
  const connection = await kubeconfigConnection(files, options).catch((fault) => {
    if (fault instanceof ConnectionFault) return null;
    throw fault;
  });
  return connection?.namespace ?? "default";
}

function proxyOf({ cluster }: SelectedContext, env: ConnectionOptions["env"]) {
  const own = readProxy(cluster["proxy-url"]);
  if (own !== null) return () => own;
  const [problem] = proxyProblems(env);
  if (problem !== undefined) throw new Error(problem);
  return environmentProxy(env);
}
