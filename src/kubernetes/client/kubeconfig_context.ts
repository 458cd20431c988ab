/**
 * The cluster, user and namespace that a kubeconfig's context selects, checked as kubectl checks
 * them. Unsupported settings are refused by name.
 */
import { isAbsolute, join } from "node:path";
import * as v from "valibot";
import { expectedProxy, readProxy } from "../../net/environment_proxy.ts";
import type { Entry, Kubeconfig } from "./kubeconfig_files.ts";

const text = v.nullish(v.string(), "");
const bool = v.nullish(v.boolean(), false);
const texts = v.nullish(v.array(v.string()), []);

const contextFields = v.object({ cluster: text, user: text, namespace: text });

const clusterFields = v.object({
  server: text,
  "certificate-authority": text,
  "certificate-authority-data": text,
  "insecure-skip-tls-verify": bool,
  "tls-server-name": text,
  "proxy-url": text,
  "disable-compression": bool,
  extensions: v.nullish(
    v.array(v.object({ name: v.string(), extension: v.optional(v.unknown()) })),
    [],
  ),
});

const execFields = v.object({
  apiVersion: text,
  command: text,
  args: texts,
  env: v.nullish(v.array(v.object({ name: v.string(), value: v.string() })), []),
  installHint: text,
  provideClusterInfo: bool,
  interactiveMode: v.nullish(v.picklist(["Never", "IfAvailable", "Always"])),
});

const userFields = v.object({
  "client-certificate": text,
  "client-certificate-data": text,
  "client-key": text,
  "client-key-data": text,
  token: text,
  tokenFile: text,
  username: text,
  password: text,
  as: text,
  "as-uid": text,
  "as-groups": texts,
  "as-user-extra": v.nullish(v.record(v.string(), v.array(v.string())), {}),
  exec: v.nullish(execFields, null),
  "auth-provider": v.nullish(
    v.object({ name: v.string(), config: v.nullish(v.record(v.string(), v.string()), {}) }),
    null,
  ),
});

type ClusterEntry = v.InferOutput<typeof clusterFields>;
type UserEntry = v.InferOutput<typeof userFields>;
export type ExecEntry = v.InferOutput<typeof execFields>;

export interface SelectedContext {
  /** Paths are absolute. */
  readonly cluster: ClusterEntry;
  /** Empty where the context names none: requests are then anonymous. */
  readonly user: UserEntry;
  readonly userName: string;
  readonly namespace: string | null;
}

/** @throws {Error} with what is wrong, naming the entry; no value of it */
export function selectContext(config: Kubeconfig, wanted: string | null): SelectedContext {
  const name = wanted ?? config.currentContext;
  if (name === null) throw new Error("no current-context is set");
  const context = read(
    contextFields,
    `context "${name}"`,
    entryOf(config.contexts, "context", name),
  );
  const clusterTitle = `cluster "${context.cluster}"`;
  const clusterEntry = entryOf(config.clusters, "cluster", context.cluster);
  const cluster = read(clusterFields, clusterTitle, clusterEntry);
  const userTitle = `user "${context.user}"`;
  const userEntry = context.user
    ? entryOf(config.users, "user", context.user)
    : { value: {}, folder: "" };
  const user = read(userFields, userTitle, userEntry);
  refuse(clusterTitle, clusterProblem(cluster));
  refuse(userTitle, userProblem(user) ?? execProblem(user.exec));
  return {
    cluster: absolute(cluster, ["certificate-authority"], clusterEntry.folder),
    user: absolute(
      { ...user, exec: user.exec && withCommand(user.exec, userEntry.folder) },
      ["client-certificate", "client-key", "tokenFile"],
      userEntry.folder,
    ),
    userName: context.user,
    namespace: context.namespace || null,
  };
}

function entryOf(entries: ReadonlyMap<string, Entry>, kind: string, name: string): Entry {
  const found = entries.get(name);
  if (!found) throw new Error(`has no ${kind} named "${name}"`);
  return found;
}

function read<S extends v.GenericSchema>(schema: S, title: string, { value }: Entry) {
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output as v.InferOutput<S>;
  const [issue] = parsed.issues;
  const at = v.getDotPath(issue) ?? "it";
  throw new Error(
    `${title}: ${at}: expected ${issue.expected ?? "another type"}`,
  );
}

function refuse(title: string, problem: string | null): void {
  if (problem !== null) throw new Error(`${title}: ${problem}`);
}

function clusterProblem(cluster: ClusterEntry): string | null {
  const { server } = cluster;
  const authority = cluster["certificate-authority"] || cluster["certificate-authority-data"];
  if (!server) return "server is missing";
  if (!/^https?:\/\/[^/]/.test(serverUrl(cluster)) || !URL.canParse(serverUrl(cluster))) {
    return "server is not an http or https URL";
  }
  if (cluster["insecure-skip-tls-verify"] && authority) {
    return "insecure-skip-tls-verify and certificate-authority exclude each other";
  }
  const badData = dataProblem(cluster, "certificate-authority-data");
  if (badData !== null) return badData;
  if (cluster["proxy-url"] && readProxy(cluster["proxy-url"]) === null) {
    return `proxy-url is not a proxy's URL; ${expectedProxy}`;
  }
  return null;
}

function userProblem(user: UserEntry): string | null {
  const certificate = user["client-certificate"] || user["client-certificate-data"];
  const key = user["client-key"] || user["client-key-data"];
  const badData = dataProblem(user, "client-certificate-data") ??
    dataProblem(user, "client-key-data");
  if (badData !== null) return badData;
  if (certificate && !key) return "client-certificate has no client-key";
  if (key && !certificate) return "client-key has no client-certificate";
  if ((user.token || user.tokenFile) && user.username) {
    return "token and username exclude each other";
  }
  const impersonates = user["as-uid"] || user["as-groups"].length ||
    Object.keys(user["as-user-extra"]).length > 0;
  if (impersonates && !user.as) return "as-uid, as-groups and as-user-extra need as";
  const provider = user["auth-provider"]?.name;
  if (provider === "azure" || provider === "gcp") {
    return `auth-provider ${provider} was removed from kubectl; use its exec plug-in`;
  }
  return provider && provider !== "oidc" ? `auth-provider ${provider} is not supported` : null;
}

function dataProblem<F extends string>(entry: Readonly<Record<F, string>>, field: F) {
  return entry[field] === "" || isPem(entry[field]) ? null : `${field} is not PEM in base64`;
}

function isPem(base64: string): boolean {
  try {
    return atob(base64).includes("-----BEGIN ");
  } catch {
    return false;
  }
}

/** Of client.authentication.k8s.io; v1alpha1 was removed from kubectl in 1.24. */
const execVersions = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];

function execProblem(exec: ExecEntry | null): string | null {
  if (exec === null) return null;
  if (!exec.command) return "exec: command is missing";
  if (!execVersions.includes(exec.apiVersion)) {
    return `exec: apiVersion ${exec.apiVersion || "(none)"} is not supported; ` +
      `expected ${execVersions.join(" or ")}`;
  }
  if (exec.apiVersion === execVersions[0] && !exec.interactiveMode) {
    return "exec: interactiveMode is missing";
  }
  return null;
}

/** As client-go completes it: without a scheme, `https` if TLS is configured, else `http`. */
export function serverUrl(cluster: ClusterEntry): string {
  const server = cluster.server.replace(/(?<=[^:/])\/+$/, "");
  if (server.includes("://")) return server;
  const usesTls = cluster["certificate-authority"] || cluster["certificate-authority-data"] ||
    cluster["insecure-skip-tls-verify"];
  return `${usesTls ? "https" : "http"}://${server}`;
}

function absolute<T extends object>(entry: T, fields: readonly (keyof T)[], folder: string): T {
  const paths = fields.filter((field) => entry[field]).map((field) => {
    return [field, absolutePath(String(entry[field]), folder)];
  });
  return { ...entry, ...Object.fromEntries(paths) };
}

function absolutePath(path: string, folder: string): string {
  return isAbsolute(path) ? path : join(folder, path);
}

/** A bare name is looked for in PATH; a command with a slash is a path. */
function withCommand(exec: ExecEntry, folder: string): ExecEntry {
  if (!/[/\\]/.test(exec.command)) return exec;
  const command = absolutePath(exec.command, folder);
  return { ...exec, command: isAbsolute(command) ? command : `./${command}` };
}
