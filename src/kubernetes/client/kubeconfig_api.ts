/** The API of the cluster that a kubeconfig names, for commands that people run at their desk. */
import { createKubernetesApi, type HttpClient, type KubernetesApi } from "./api.ts";
import type { Access, ConnectionOptions } from "./connection.ts";
import { kubeconfigConnection } from "./kubeconfig.ts";

export interface KubeconfigApiOptions extends ConnectionOptions {
  httpClient(options: Access["tls"]): HttpClient;
  readonly userAgent: string;
}

/**
 * Reads the file; the API isn't asked anything yet.
 * @throws {ConnectionFault} the file is missing or broken; the message names it
 */
export async function kubeconfigApi(
  path: string,
  deps: KubeconfigApiOptions,
): Promise<KubernetesApi> {
  const { httpClient, clock, userAgent } = deps;
  const connection = await kubeconfigConnection(path, deps);
  return createKubernetesApi({ connection, httpClient, clock, userAgent });
}

/** The file that kubectl would take: the first of `KUBECONFIG`, or `~/.kube/config`; else null. */
export function usualKubeconfig(env: ConnectionOptions["env"]): string | null {
  const [first] = (env["KUBECONFIG"] ?? "").split(":").filter((path) => path !== "");
  if (first !== undefined) return first;
  const home = env["HOME"];
  return home === undefined || home === "" ? null : `${home}/.kube/config`;
}
