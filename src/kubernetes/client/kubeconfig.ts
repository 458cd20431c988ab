/**
 * The connection that a kubeconfig file describes: its current context with certificates, token,
 * token file, basic auth, impersonation, exec plug-in or OIDC, as @kubernetes/client-node reads
 * them. Only that package's small parts are loaded: its KubeConfig class draws in every generated
 * model, 70 MB of memory and half a second against 4 MB and 20 ms.
 */
import type { Cluster, Context, User } from "@kubernetes/client-node/dist/config_types.js";
import { withoutBrackets } from "../../net/host_port.ts";
import { messageOf } from "./api_fault.ts";
import {
  type Access,
  type Connection,
  ConnectionFault,
  type ConnectionOptions,
  FileCache,
} from "./connection.ts";
import { type Plugin, pluginFor } from "./kubeconfig_plugin.ts";

interface Selected {
  readonly cluster: Cluster;
  readonly user: User;
  readonly context: Context;
}

/**
 * Reads the file once; the certificates and tokens it points to are followed as they change.
 * @throws {ConnectionFault} the file is missing or broken; the message names it
 */
export async function kubeconfigConnection(
  path: string,
  options: ConnectionOptions,
): Promise<Connection> {
  const { cluster, user, context } = await selected(path, options);
  refuseUnsupported(path, cluster, user);
  const files = new FileCache(options);
  const plugin = await pluginFor(user);
  return {
    ...endpoint(path, cluster),
    namespace: context.namespace ?? null,
    access: (refresh) => access({ cluster, user, files, plugin, folder: folderOf(path) }, refresh),
  };
}

async function selected(path: string, options: ConnectionOptions): Promise<Selected> {
  try {
    return await parse(await options.readTextFile(path));
  } catch (cause) {
    const message = `kubeconfig ${path}: ${messageOf(cause)}; mend it or name another`;
    throw new ConnectionFault("settings_broken", message, { cause });
  }
}

async function parse(text: string): Promise<Selected> {
  const { parse: parseYaml } = await import("yaml");
  const types = await import("@kubernetes/client-node/dist/config_types.js");
  const config = yamlObject(text, parseYaml);
  const name = config["current-context"];
  if (typeof name !== "string" || name === "") throw new Error("no current-context is set");
  const context = named(types.newContexts(config["contexts"]), "context", name);
  const cluster = named(types.newClusters(config["clusters"]), "cluster", context.cluster);
  // `tokenFile` is kubectl's word, which newUsers doesn't know.
  const user = named(types.newUsers(config["users"]), "user", context.user);
  return { cluster, user: { ...user, ...tokenFileOf(config["users"], user.name) }, context };
}

function yamlObject(text: string, parseYaml: (text: string) => unknown): Record<string, unknown> {
  let value: unknown;
  try {
    value = parseYaml(text);
  } catch {
    // The parser's message quotes the line, which may hold a key.
    throw new Error("is not valid YAML");
  }
  if (typeof value !== "object" || value === null) throw new Error("is empty or not a mapping");
  return value as Record<string, unknown>;
}

function named<T extends { readonly name: string }>(
  list: readonly T[],
  kind: string,
  name: string,
): T {
  const found = list.find((entry) => entry.name === name);
  if (!found) throw new Error(`has no ${kind} named "${name}"`);
  return found;
}

function tokenFileOf(users: unknown, name: string): { authProvider?: unknown } {
  if (!Array.isArray(users)) return {};
  const entry = users.find((user) => user?.name === name);
  const tokenFile = entry?.user?.tokenFile;
  return typeof tokenFile === "string" ? { authProvider: { config: { tokenFile } } } : {};
}

function refuseUnsupported(path: string, cluster: Cluster, user: User): void {
  const refuse = (what: string) => {
    throw new ConnectionFault("settings_broken", `kubeconfig ${path}: ${what}`);
  };
  if (cluster.proxyUrl) refuse(`cluster "${cluster.name}": proxy-url is not supported`);
  if (!/^https?:\/\/[^/]/.test(cluster.server)) {
    refuse(`cluster "${cluster.name}": server is not an http or https URL`);
  }
  const provider = user.authProvider?.name;
  if (provider === "azure" || provider === "gcp") {
    refuse(`user "${user.name}": auth-provider ${provider} is obsolete, use its exec plug-in`);
  }
}

function endpoint(path: string, cluster: Cluster): { server: string; address: string | null } {
  if (!cluster.tlsServerName) return { server: cluster.server, address: null };
  try {
    const url = new URL(cluster.server);
    const address = withoutBrackets(url.hostname);
    url.hostname = cluster.tlsServerName;
    return { server: url.href.replace(/\/$/, ""), address };
  } catch (cause) {
    throw new ConnectionFault("settings_broken", `kubeconfig ${path}: ${messageOf(cause)}`);
  }
}

interface AccessOptions {
  readonly cluster: Cluster;
  readonly user: User;
  readonly files: FileCache;
  readonly plugin: Plugin | null;
  /** Relative paths in a kubeconfig start where the file lies. */
  readonly folder: string;
}

async function access(options: AccessOptions, refresh: boolean): Promise<Access> {
  const { cluster, user } = options;
  const pem = (file?: string, data?: string) => pemOf(options, refresh, file, data);
  const granted = await options.plugin?.(refresh) ?? { headers: {} };
  // client-go's order: the file before the token that stands in the kubeconfig.
  const token = await tokenFromFile(options, refresh) ?? user.token;
  const ca = await pem(cluster.caFile, cluster.caData);
  const cert = granted.cert ?? await pem(user.certFile, user.certData);
  const key = granted.key ?? await pem(user.keyFile, user.keyData);
  return {
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(cluster.skipTLSVerify ? { rejectUnauthorized: false } : {}),
    },
    headers: {
      ...basicAuth(user),
      ...(token ? { Authorization: `Bearer ${token.trim()}` } : {}),
      ...granted.headers,
      ...(user.impersonateUser ? { "Impersonate-User": user.impersonateUser } : {}),
    },
  };
}

async function tokenFromFile(options: AccessOptions, refresh: boolean): Promise<string | null> {
  const file = options.user.authProvider?.config?.tokenFile;
  if (typeof file !== "string") return null;
  return await options.files.read(absolute(options.folder, file), refresh);
}

async function pemOf(
  options: AccessOptions,
  refresh: boolean,
  file?: string,
  data?: string,
): Promise<string | undefined> {
  if (data) return atob(data);
  return file ? await options.files.read(absolute(options.folder, file), refresh) : undefined;
}

function basicAuth(user: User): Record<string, string> {
  if (!user.username) return {};
  return { Authorization: `Basic ${btoa(`${user.username}:${user.password ?? ""}`)}` };
}

function folderOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "." : path.slice(0, slash) || "/";
}

function absolute(folder: string, file: string): string {
  return file.startsWith("/") ? file : `${folder}/${file}`;
}
