/**
 * How requests of a kubeconfig's user are authenticated, by kubectl's rules. Auth providers (OIDC and
 * clouds' own) are left to KubeConfig of @kubernetes/client-node: it draws in every generated model,
 * 84 MB and 0.7 s, and is loaded only for a user who has one.
 */
import { Buffer } from "node:buffer";
import type { RequestOptions } from "node:https";
import type { KubeConfig } from "@kubernetes/client-node";
import { messageWithCause } from "./api_fault.ts";
import { type Access, ConnectionFault, type ConnectionOptions, FileCache } from "./connection.ts";
import { ExecPlugin, type ExecPluginOptions } from "./exec_plugin.ts";
import { type SelectedContext, serverUrl } from "./kubeconfig_context.ts";

type AuthenticationOptions = ConnectionOptions & Pick<ExecPluginOptions, "run" | "isInteractive">;

export class KubeconfigAuthentication {
  readonly #selected: SelectedContext;
  readonly #server: string;
  readonly #files: FileCache;
  readonly #plugin: ExecPlugin | null;
  #providers: Promise<KubeConfig> | undefined;

  constructor(selected: SelectedContext, options: AuthenticationOptions) {
    const { user: { exec }, userName } = selected;
    const clusterInfo = () => this.#clusterInfo();
    this.#selected = selected;
    this.#server = serverUrl(selected.cluster);
    this.#files = new FileCache(options);
    this.#plugin = exec && new ExecPlugin({ ...options, exec, userName, clusterInfo });
  }

  async access(refresh: boolean): Promise<Access> {
    const { cluster, user } = this.#selected;
    const { token, cert, key } = await this.#credential(refresh);
    const authorization = token ? `Bearer ${token}` : await this.#signedIn() ?? basic(user);
    return {
      tls: {
        ...pem("ca", await this.#data(cluster, "certificate-authority", refresh)),
        ...pem("cert", cert),
        ...pem("key", key),
        ...present("serverName", cluster["tls-server-name"]),
        ...(cluster["insecure-skip-tls-verify"] ? { rejectUnauthorized: false } : {}),
      },
      headers: { ...present("Authorization", authorization), ...impersonation(user) },
    };
  }

  /** A token, or a certificate with its key in base64. */
  async #credential(refresh: boolean) {
    const { user } = this.#selected;
    const granted = await this.#plugin?.credential(refresh) ?? {};
    const { clientCertificateData: cert, clientKeyData: key } = granted;
    // client-go's order: a token file, the kubeconfig's token, the plug-in.
    const token = user.tokenFile
      ? await this.#files.read(user.tokenFile, refresh)
      : user.token || granted.token;
    return {
      token: token?.trim(),
      cert: cert ? base64(cert) : await this.#data(user, "client-certificate", refresh),
      key: key ? base64(key) : await this.#data(user, "client-key", refresh),
    };
  }

  /** The `Authorization` of the user's auth provider; undefined without one. */
  async #signedIn(): Promise<string | undefined> {
    const { user: { "auth-provider": authProvider }, userName } = this.#selected;
    if (!authProvider) return undefined;
    const config = await (this.#providers ??= loadKubeConfig());
    config.loadFromClusterAndUser(
      // KubeConfig refuses http:// otherwise, which kubectl doesn't.
      { name: "cluster", server: this.#server, skipTLSVerify: this.#server.startsWith("http:") },
      { name: userName, authProvider },
    );
    const options: RequestOptions = {};
    try {
      await config.applyToHTTPSOptions(options);
    } catch (fault) {
      const message = `kubeconfig user "${userName}": signing in failed: ${
        messageWithCause(fault)
      }`;
      throw new ConnectionFault("access_unavailable", message, { cause: fault });
    }
    const { Authorization } = options.headers as Record<string, string>;
    if (Authorization) return Authorization;
    const message = `kubeconfig user "${userName}": its ${authProvider.name} token has expired ` +
      "and can't be renewed; sign in again";
    throw new ConnectionFault("access_unavailable", message);
  }

  /** Base64 of PEM. As in kubectl, data in the kubeconfig wins over a file. */
  async #data<F extends string>(
    entry: Readonly<Record<F | `${F}-data`, string>>,
    field: F,
    refresh: boolean,
  ): Promise<string> {
    const path = entry[field];
    if (entry[`${field}-data`] || !path) return entry[`${field}-data`];
    return base64(await this.#files.read(path, refresh));
  }

  async #clusterInfo(): Promise<object> {
    const { cluster } = this.#selected;
    const data = await this.#data(cluster, "certificate-authority", false);
    const config = cluster.extensions.find(({ name }) => name === execExtension)?.extension;
    return {
      server: this.#server,
      ...present("tls-server-name", cluster["tls-server-name"]),
      ...present("insecure-skip-tls-verify", cluster["insecure-skip-tls-verify"]),
      ...present("certificate-authority-data", data),
      ...present("proxy-url", cluster["proxy-url"]),
      ...present("disable-compression", cluster["disable-compression"]),
      ...present("config", config),
    };
  }
}

/** The cluster's extension that is meant for exec plug-ins. */
const execExtension = "client.authentication.k8s.io/exec";

/** Not from the package's index, which would put 3 MB more into the image's bundles. */
async function loadKubeConfig(): Promise<KubeConfig> {
  const { KubeConfig } = await import("@kubernetes/client-node/dist/config.js");
  return new KubeConfig();
}

function basic({ username, password }: SelectedContext["user"]): string {
  return username ? `Basic ${base64(`${username}:${password}`)}` : "";
}

function impersonation(user: SelectedContext["user"]): Record<string, string | string[]> {
  const extra = Object.entries(user["as-user-extra"]).map(([key, values]) => {
    const escaped = encodeURIComponent(key).replace(
      /[()]/g,
      (char) => char === "(" ? "%28" : "%29",
    );
    return [`Impersonate-Extra-${escaped}`, values];
  });
  return {
    ...present("Impersonate-User", user.as),
    ...present("Impersonate-Uid", user["as-uid"]),
    ...(user["as-groups"].length > 0 ? { "Impersonate-Group": user["as-groups"] } : {}),
    ...Object.fromEntries(extra),
  };
}

function pem<K extends string>(name: K, data: string): { [Name in K]?: string } {
  return present(name, Buffer.from(data, "base64").toString());
}

function present<K extends string, T>(name: K, value: T): { [Name in K]?: T } {
  return value ? { [name]: value } as { [Name in K]: T } : {};
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
