/**
 * Starts the programs under test as their pods would be: the server with its ServiceAccount's
 * token, the agent in its node's network with NET_ADMIN and no other capability, each agent with
 * a token bound to its own pod.
 */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { reportRunning, requestToken, schedulePod } from "./cluster_objects.ts";
import type { KubeApi, KubeObject } from "./kube_api.ts";
import { fabricAddress, inNamespace, type NodeNet } from "./network.ts";
import { plainEnv, Running } from "./programs.ts";
import { stsUrl } from "./sts.ts";
import { Hopeless, until } from "./until.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
export const serverAudience = "rolecall-server";
const home = "rolecall";

/** The command line up to the program's own arguments. */
export type Runtime = readonly string[];

export function denoRuntime(deno: string): Runtime {
  return [deno, "run", "-A", "--cached-only", main];
}

export function nodeRuntime(node: string): Runtime {
  return [node, main];
}

export interface Folders {
  /** Keys and tokens; in memory. */
  readonly state: string;
  readonly logs: string;
}

/** Replaces a file as a kubelet does: readers see the old one or the new one, whole. */
export function replaceFile(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** A kubeconfig with the server's ServiceAccount token. */
export async function writeServerKubeconfig(api: KubeApi, path: string): Promise<void> {
  const token = await requestToken(api, { namespace: home, serviceAccount: "rolecall-server" });
  const cluster = {
    "server": api.origin,
    "certificate-authority-data": btoa(api.keys.ca),
  };
  replaceFile(
    path,
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "test", cluster }],
      users: [{ name: "server", user: { token } }],
      contexts: [{ name: "test", context: { cluster: "test", user: "server" } }],
      "current-context": "test",
    }),
  );
}

interface ServerOptions {
  readonly name: string;
  readonly kubeconfig: string;
  readonly address?: string;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The network namespace of a node; the fabric without it. */
  readonly node?: NodeNet;
}

/** A server on an address of the fabric: 8443 for agents, 9621 for its admin pages. */
export function startServer(runtime: Runtime, folders: Folders, options: ServerOptions): Running {
  const at = options.address ?? options.node?.address ?? fabricAddress;
  const command = [
    ...runtime,
    "server",
    `--listen=${at}:8443`,
    `--admin-listen=${at}:9621`,
    `--kubeconfig=${options.kubeconfig}`,
    `--sts-endpoint=${stsUrl}`,
    "--region=eu-west-1",
    ...(options.flags ?? []),
  ];
  const keys = { AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE", AWS_SECRET_ACCESS_KEY: "test" };
  return new Running(
    options.name,
    options.node ? inNamespace(options.node.name, command) : command,
    join(folders.logs, `${options.name}.log`),
    { env: plainEnv({ POD_NAMESPACE: home, ...(options.env ?? keys) }) },
  );
}

/** The agent's pod of a node, as its DaemonSet and kubelet would make it. */
export async function createAgentPod(
  api: KubeApi,
  node: NodeNet,
  suffix = "",
): Promise<KubeObject> {
  const name = `rolecall-agent-${node.name}${suffix}`;
  const spec = { namespace: home, name, node: node.name, hostNetwork: true };
  const labels = { "app.kubernetes.io/name": "rolecall-agent" };
  const pod = await schedulePod(api, { ...spec, labels, serviceAccount: "rolecall-agent" });
  await reportRunning(api, home, name, node.address);
  return pod;
}

/** The token that a kubelet would project into that pod. */
export function agentToken(api: KubeApi, pod: KubeObject, audience = serverAudience) {
  const { name, uid } = pod.metadata;
  const account = { namespace: home, serviceAccount: "rolecall-agent" };
  return requestToken(api, { ...account, audience, boundTo: { name, uid } });
}

export interface AgentOptions {
  readonly node: NodeNet;
  readonly name?: string;
  readonly flags?: readonly string[];
  /** In addition to net_admin, such as `net_bind_service`. */
  readonly capability?: string;
}

export function tokenFile(folders: Folders, node: NodeNet): string {
  return join(folders.state, `${node.name}.token`);
}

export function caFile(folders: Folders): string {
  return join(folders.state, "ca.crt");
}

/** An agent in its node's network. */
export function startAgent(runtime: Runtime, folders: Folders, options: AgentOptions): Running {
  const { node, name = `agent-${node.name}`, flags = [] } = options;
  const state = join(folders.state, `${node.name}-state`);
  mkdirSync(state, { recursive: true });
  const kept = options.capability === undefined
    ? "+net_admin"
    : `+net_admin,+${options.capability}`;
  const limits = ["setpriv", `--bounding-set=-all,${kept}`, "--inh-caps=-all"];
  const command = [
    ...limits,
    ...runtime,
    "agent",
    `--host-ip=${node.address}`,
    `--node-name=${node.name}`,
    `--server-ca=${caFile(folders)}`,
    `--token-file=${tokenFile(folders, node)}`,
    `--state-dir=${state}`,
    // Loops here exceed the default rate of a pod; the limit has its own tests.
    "--pod-rate=0",
    ...flags,
  ];
  return new Running(
    name,
    inNamespace(node.name, command),
    join(folders.logs, `${name}.log`),
  );
}

/** Status and text of a readiness or metrics page. */
export async function page(url: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(3000) });
  return { status: answer.status, text: await answer.text() };
}

/** Waits until `/readyz` is 200; if the program ends first, the error has the end of its log. */
export async function untilReady(program: Running, origin: string, within = 120_000) {
  await until(`${program.name} ready`, async () => {
    if (!program.alive) throw new Hopeless(`it ended:\n${program.log().slice(-2000)}`);
    const { status, text } = await page(`${origin}/readyz`);
    if (status !== 200) throw new Error(`${status} ${text}`);
    return true;
  }, { within });
}

/** Copies the CAs that the server has published, as a kubelet would into the agents' pods. */
export async function copyPublishedCa(api: KubeApi, folders: Folders): Promise<void> {
  await until("the server's CA published", async () => {
    const map = await api.get(`/api/v1/namespaces/${home}/configmaps/rolecall-server-ca`);
    const text = (map["data"] as Record<string, string> | undefined)?.["ca.crt"];
    if (text) replaceFile(caFile(folders), text);
    return text;
  });
}
