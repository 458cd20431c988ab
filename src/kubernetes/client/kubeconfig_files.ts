/** Which files make up the kubeconfig, and what they say together, by kubectl's rules. */
import { delimiter, dirname, join } from "node:path";
import * as v from "valibot";
import { parseDocument } from "yaml";
import { codeOf } from "../../telemetry/fault.ts";
import { messageWithCause } from "./api_fault.ts";
import { ConnectionFault, type ConnectionOptions } from "./connection.ts";

export interface KubeconfigFiles {
  /** How messages name them, such as `--kubeconfig FILE`. */
  readonly label: string;
  readonly paths: readonly string[];
  /** Files of KUBECONFIG that don't exist are skipped; one that was named by the flag isn't. */
  readonly mayBeMissing: boolean;
}

/** The one file of `--kubeconfig`. */
export function kubeconfigFile(path: string): KubeconfigFiles {
  return { label: `--kubeconfig ${path}`, paths: [path], mayBeMissing: false };
}

/** What kubectl takes without the flag: KUBECONFIG's list or `~/.kube/config`; null with neither. */
export function usualKubeconfig(env: ConnectionOptions["env"]): KubeconfigFiles | null {
  const { KUBECONFIG = "", HOME = "" } = env;
  const listed = new Set(KUBECONFIG.split(delimiter).filter((path) => path !== ""));
  if (listed.size > 0) {
    const paths = [...listed];
    return { label: `KUBECONFIG ${paths.join(delimiter)}`, paths, mayBeMissing: true };
  }
  if (HOME === "") return null;
  const path = join(HOME, ".kube/config");
  return { label: `kubeconfig ${path}`, paths: [path], mayBeMissing: true };
}

/** A cluster, user or context as written. */
export interface Entry {
  readonly value: unknown;
  /** Relative paths in it start there. */
  readonly folder: string;
}

export interface Kubeconfig {
  readonly currentContext: string | null;
  readonly contexts: ReadonlyMap<string, Entry>;
  readonly clusters: ReadonlyMap<string, Entry>;
  readonly users: ReadonlyMap<string, Entry>;
}

const named = v.nullish(v.array(v.looseObject({ name: v.string() })), []);
const file = v.object({
  "current-context": v.nullish(v.string(), ""),
  contexts: named,
  clusters: named,
  users: named,
});

/**
 * The first file to set a name or the current context wins.
 * @throws {ConnectionFault} a file can't be read, or none of them exists (`kubeconfig_missing`)
 */
export async function readKubeconfig(
  { label, paths, mayBeMissing }: KubeconfigFiles,
  readTextFile: ConnectionOptions["readTextFile"],
): Promise<Kubeconfig> {
  const files: Kubeconfig[] = [];
  for (const path of paths) {
    try {
      files.push(parseFile(await readTextFile(path), dirname(path)));
    } catch (fault) {
      if (mayBeMissing && isMissing(fault)) continue;
      const message = `${label}: ${paths.length > 1 ? `${path}: ` : ""}${messageWithCause(fault)}`;
      throw new ConnectionFault("settings_broken", `${message}; fix it or name another`, {
        cause: fault,
      });
    }
  }
  if (files.length === 0) {
    throw new ConnectionFault("kubeconfig_missing", `${label}: there is no such file`);
  }
  return merged(files);
}

function isMissing(cause: unknown): boolean {
  return codeOf(cause) === "ENOENT";
}

function parseFile(text: string, folder: string): Kubeconfig {
  const document = parseDocument(text, { uniqueKeys: false });
  const [error] = document.errors;
  // Only the position: the parser's message quotes the line, which may hold a key.
  if (error) throw new Error(`is not valid YAML, line ${error.linePos?.[0].line ?? 1}`);
  const read = v.safeParse(file, document.toJS() ?? {});
  if (!read.success) {
    const at = v.getDotPath(read.issues[0]);
    throw new Error(at === null ? "is not a mapping" : `${at} is not as expected`);
  }
  const { contexts, clusters, users } = read.output;
  return {
    currentContext: read.output["current-context"] || null,
    contexts: entries(contexts, "context", folder),
    clusters: entries(clusters, "cluster", folder),
    users: entries(users, "user", folder),
  };
}

function entries(
  list: v.InferOutput<typeof named>,
  kind: "context" | "cluster" | "user",
  folder: string,
): Map<string, Entry> {
  const found = new Map<string, Entry>();
  for (const item of list ?? []) {
    if (found.has(item.name)) throw new Error(`has two ${kind}s named "${item.name}"`);
    found.set(item.name, { value: item[kind] ?? {}, folder });
  }
  return found;
}

function merged(files: readonly Kubeconfig[]): Kubeconfig {
  // The last to set a key in a map wins, so the first file comes last.
  const all = (kind: "contexts" | "clusters" | "users") =>
    new Map(files.toReversed().flatMap((one) => [...one[kind]]));
  return {
    currentContext: files.find((one) => one.currentContext !== null)?.currentContext ?? null,
    contexts: all("contexts"),
    clusters: all("clusters"),
    users: all("users"),
  };
}
