/**
 * Brings up everything once and hands it to the scenarios: the control plane, STS, the metadata
 * stand-in, two nodes, a server and an agent on each node. Takes it down again in any case.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { createNamespace, createNode, type PodSpec } from "./cluster_objects.ts";
import { type ControlPlane, startControlPlane } from "./control_plane.ts";
import { type InstanceMetadata, startInstanceMetadata } from "./instance_metadata.ts";
import type { KubeApi, KubeObject } from "./kube_api.ts";
import { type EnforcingSts, startEnforcingSts } from "./enforcing_sts.ts";
import { applyBase, applyFiles } from "./manifests.ts";
import {
  fabricAddress,
  makeFabric,
  makeNode,
  type NodeNet,
  secondFabricAddress,
} from "./network.ts";
import { TestPod } from "./pod.ts";
import type { Running } from "./programs.ts";
import {
  type AgentOptions,
  agentToken,
  copyPublishedCa,
  createAgentPod,
  type Folders,
  replaceFile,
  type Runtime,
  startAgent,
  startServer,
  tokenFile,
  untilReady,
  writeServerKubeconfig,
} from "./rolecall.ts";
import { account, startSts, stsPort } from "./sts.ts";
import { until } from "./until.ts";

export interface Builds {
  readonly kube: string;
  /** The `bin` of moto's and boto3's environment. */
  readonly python: string;
  readonly node: string;
}

interface Member {
  readonly node: NodeNet;
  readonly pod: KubeObject;
  running: Running;
}

const tokenLifeMs = 240_000;
export const serverOrigin = `http://${fabricAddress}:9621`;

export function agentOrigin(node: NodeNet): string {
  return `http://${node.address}:9620`;
}

/** The ARN of a role in the account that moto gives everybody. */
export function roleArn(name: string): string {
  return `arn:aws:iam::${account}:role/${name}`;
}

export interface Staging {
  /** For the programs' logs. */
  readonly folder: string;
  readonly print: (line: string) => void;
  /**
   * By path and name, the `sub` of the tokens that may assume a role. If set, the STS is one that
   * enforces this, and the server, without AWS permissions, uses ServiceAccount tokens.
   */
  readonly federated?: Readonly<Record<string, string>>;
}

/** moto's STS, or the one that enforces. */
type AnySts =
  | { readonly kind: "moto"; readonly running: Running }
  | { readonly kind: "enforcing"; readonly enforcing: EnforcingSts };

const deployed = (path: string) =>
  fileURLToPath(new URL(`../../deploy/kustomize/${path}`, import.meta.url));
const tokensAllowed = { "rolecall.dev/service-account-tokens": "allowed" };

export class Stage {
  readonly runtime: Runtime;
  readonly folders: Folders;
  readonly builds: Builds;
  readonly control: ControlPlane;
  readonly metadata: InstanceMetadata;
  readonly #sts: AnySts;
  readonly #serverFlags: readonly string[];
  readonly first: Member;
  readonly second: Member;
  server: Running;
  readonly #pods: TestPod[] = [];
  readonly #rotation: ReturnType<typeof setInterval>;
  /** What scenarios make once and share, by name. */
  readonly shared = new Map<string, Promise<TestPod>>();
  #podNumber = 10;

  private constructor(
    runtime: Runtime,
    folders: Folders,
    builds: Builds,
    parts: Pick<Stage, "control" | "metadata" | "server" | "first" | "second"> & {
      readonly sts: AnySts;
    },
  ) {
    this.runtime = runtime;
    this.folders = folders;
    this.builds = builds;
    this.control = parts.control;
    this.metadata = parts.metadata;
    this.#sts = parts.sts;
    this.#serverFlags = serverFlags(parts.sts);
    this.server = parts.server;
    this.first = parts.first;
    this.second = parts.second;
    this.#rotation = setInterval(() => void this.#rotateTokens(), tokenLifeMs);
  }

  static async open(
    runtime: Runtime,
    builds: Builds,
    { folder, print, federated }: Staging,
  ): Promise<Stage> {
    const folders = { state: "/run/rolecall-test", logs: folder };
    mkdirSync(folders.state, { recursive: true });
    await makeFabric();
    const nodes = [await makeNode(1), await makeNode(2)] as const;
    const metadata = await startInstanceMetadata();
    const moto = federated === undefined ? startSts(builds.python, folders.logs) : undefined;
    const [control, running] = await Promise.all([
      startControlPlane(builds.kube, join(folders.state, "control"), folders.logs),
      moto,
    ]);
    const { api } = control;
    const sts: AnySts = running === undefined
      ? { kind: "enforcing", enforcing: await startEnforcingSts(api, federated ?? {}, stsPort) }
      : { kind: "moto", running };
    print(`up: kube-apiserver, etcd, STS (${sts.kind}), metadata stand-in, two nodes`);
    await applyBase(api, deployed("base"));
    if (federated !== undefined) {
      const component = deployed("components/federated");
      await applyFiles(api, component, ["token_policy.yaml", "token_rbac.yaml"]);
    }
    for (const node of nodes) await createNode(api, node.name, node.address);
    await writeServerKubeconfig(api, serverKubeconfig(folders));
    const server = startServer(runtime, folders, {
      name: "server",
      kubeconfig: serverKubeconfig(folders),
      flags: serverFlags(sts),
    });
    await untilReady(server, serverOrigin);
    print("up: server");
    await copyPublishedCa(api, folders);
    const first = await joinCluster(runtime, folders, api, nodes[0]);
    const second = await joinCluster(runtime, folders, api, nodes[1]);
    print("up: an agent on each node");
    return new Stage(runtime, folders, builds, { control, metadata, sts, server, first, second });
  }

  /** moto's. */
  get sts(): Running {
    if (this.#sts.kind === "moto") return this.#sts.running;
    throw new TypeError("this stage's STS is the one that enforces");
  }

  get enforcingSts(): EnforcingSts {
    if (this.#sts.kind === "enforcing") return this.#sts.enforcing;
    throw new TypeError("this stage's STS is moto's");
  }

  get api(): KubeApi {
    return this.control.api;
  }

  /** A running pod, on the first node unless another is given. */
  async pod(wanted: Omit<PodSpec, "node">, node = this.first.node): Promise<TestPod> {
    const pod = await TestPod.start(this.api, node, this.#podNumber++, wanted);
    this.#pods.push(pod);
    return pod;
  }

  /** A namespace in which roles of these names are permitted, and tokens on a federated stage. */
  async namespace(name: string, permitted?: string): Promise<void> {
    await createNamespace(
      this.api,
      name,
      permitted === undefined ? {} : { "iam.amazonaws.com/permitted": permitted },
      this.#sts.kind === "enforcing" ? tokensAllowed : {},
    );
  }

  /** Restarts a node's agent with other flags. */
  async restartAgent(member: Member, options: Omit<AgentOptions, "node"> = {}): Promise<void> {
    const { node } = member;
    await member.running.stop();
    member.running = startAgent(this.runtime, this.folders, { node, ...options });
    await untilReady(member.running, agentOrigin(node));
  }

  /** Runs a second server while `use` runs; it has to end with 0. */
  async withSecondServer(name: string, use: () => Promise<void>): Promise<void> {
    const second = startServer(this.runtime, this.folders, {
      name,
      address: secondFabricAddress,
      kubeconfig: serverKubeconfig(this.folders),
      flags: ["--status-listen=127.0.0.1:9632"],
    });
    let code: number | undefined;
    try {
      await untilReady(second, `http://${secondFabricAddress}:9621`);
      await use();
    } finally {
      code = await second.stop();
    }
    if (code !== 0) throw new Error(`${name} ended with ${code}`);
  }

  async restartServer(flags: readonly string[] = []): Promise<number> {
    const code = await this.server.stop();
    this.server = startServer(this.runtime, this.folders, {
      name: "server",
      kubeconfig: serverKubeconfig(this.folders),
      flags: [...this.#serverFlags, ...flags],
    });
    return code;
  }

  /** Restarts what has ended and resumes what is stopped. */
  async repair(): Promise<void> {
    await this.control.resumeApi();
    this.control.continueApi();
    if (this.#sts.kind === "moto" && this.sts.alive) process.kill(this.sts.pid, "SIGCONT");
    if (!this.server.alive) await this.restartServer();
    await untilReady(this.server, serverOrigin);
    for (const member of [this.first, this.second]) await this.restartAgent(member);
  }

  async close(): Promise<void> {
    clearInterval(this.#rotation);
    for (const pod of this.#pods) await pod.leave().catch(() => {});
    await Promise.all([this.first.running.stop(), this.second.running.stop()]);
    await this.server.stop();
    await this.metadata.stop();
    if (this.#sts.kind === "moto") await this.#sts.running.stop(2000);
    else await this.#sts.enforcing.close();
    await this.control.stop();
  }

  /** Waits for the API, which some scenarios stop for a while. */
  async #rotateTokens(): Promise<void> {
    await until("new tokens", async () => {
      for (const { node, pod } of [this.first, this.second]) {
        replaceFile(tokenFile(this.folders, node), await agentToken(this.api, pod));
      }
      await writeServerKubeconfig(this.api, serverKubeconfig(this.folders));
      return true;
    }, { within: tokenLifeMs, every: 1000 });
  }
}

function serverFlags({ kind }: AnySts): string[] {
  if (kind === "moto") return [];
  return ["--assume-with=service-account", `--role-base-arn=${roleArn("")}`];
}

export function serverKubeconfig(folders: Folders): string {
  return join(folders.state, "server.kubeconfig");
}

async function joinCluster(
  runtime: Runtime,
  folders: Folders,
  api: KubeApi,
  node: NodeNet,
): Promise<Member> {
  const pod = await createAgentPod(api, node);
  replaceFile(tokenFile(folders, node), await agentToken(api, pod));
  const running = startAgent(runtime, folders, { node });
  await untilReady(running, agentOrigin(node));
  return { node, pod, running };
}
