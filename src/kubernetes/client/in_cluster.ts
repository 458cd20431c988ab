/** The connection from a pod: the API's Service and the files of the pod's ServiceAccount. */
import { bracketed } from "../../net/host_port.ts";
import {
  type Connection,
  ConnectionFault,
  type ConnectionOptions,
  FileCache,
} from "./connection.ts";

/** Where the kubelet mounts the ServiceAccount's files. */
const serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * Follows the token and the CA as the kubelet rotates them. While a file is missing, requests fail
 * with `access_unavailable`.
 * @throws {ConnectionFault} not in a pod: KUBERNETES_SERVICE_HOST or _PORT is not set
 */
export async function inClusterConnection(
  options: ConnectionOptions,
  folder: string = serviceAccountFolder,
): Promise<Connection> {
  const files = new FileCache(options);
  const namespace = await options.readTextFile(`${folder}/namespace`).catch(() => "");
  return {
    server: serviceUrl(options.env),
    namespace: namespace.trim() || null,
    async access(refresh) {
      const token = (await files.read(`${folder}/token`, refresh)).trim();
      const ca = await files.read(`${folder}/ca.crt`, refresh);
      return { tls: { ca }, headers: { Authorization: `Bearer ${token}` } };
    },
  };
}

function serviceUrl(env: ConnectionOptions["env"]): string {
  const host = env["KUBERNETES_SERVICE_HOST"];
  const port = env["KUBERNETES_SERVICE_PORT"];
  if (!host || !port) {
    throw new ConnectionFault(
      "settings_broken",
      "kubernetes: not in a cluster (KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not " +
        "both set); give --kubeconfig FILE",
    );
  }
  return `https://${bracketed(host)}:${port}`;
}
