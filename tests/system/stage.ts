/**
 * Brings up everything once and hands it to the scenarios: the control plane, STS, the metadata
 * stand-in, two nodes, a server and an agent on each node. Takes it down again in any case.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createNamespace, createNode, type PodSpec } from "./cluster_objects.ts";
import { type ControlPlane, startControlPlane } from "./control_plane.ts";
import { type InstanceMetadata, startInstanceMetadata } from "./instance_metadata.ts";
import type { KubeApi, KubeObject } from "./kube_api.ts";
import { applyBase } from "./manifests.ts";
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
  agentToken,
  type AgentWish,
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
import { account, startSts } from "./sts.ts";

export interface Builds {
  readonly kube: string;
  /** The `bin` of moto's and boto3's environment. */
  readonly python: string;
  readonly node: string;
}

export interface Member {
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

export class Stage {
  readonly runtime: Runtime;
  readonly folders: Folders;
  readonly builds: Builds;
  readonly control: ControlPlane;
  readonly metadata: InstanceMetadata;
  readonly sts: Running;
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
    parts: Pick<Stage, "control" | "metadata" | "sts" | "server" | "first" | "second">,
  ) {
    this.runtime = runtime;
    this.folders = folders;
    this.builds = builds;
    this.control = parts.control;
    this.metadata = parts.metadata;
    this.sts = parts.sts;
    this.server = parts.server;
    this.first = parts.first;
    this.second = parts.second;
    this.#rotation = setInterval(() => void this.#rotateTokens(), tokenLifeMs);
  }

  static async open(
    runtime: Runtime,
    builds: Builds,
    folder: string,
    print: (line: string) => void,
  ): Promise<Stage> {
    const folders = { state: "/run/rolecall-test", logs: folder };
    mkdirSync(folders.state, { recursive: true });
    await makeFabric();
    const nodes = [await makeNode(1), await makeNode(2)] as const;
    const metadata = await startInstanceMetadata();
    const [control, sts] = await Promise.all([
      startControlPlane(builds.kube, join(folders.state, "control"), folders.logs),
      startSts(builds.python, folders.logs),
    ]);
    print("up: kube-apiserver, etcd, moto, metadata stand-in, two nodes");
    const { api } = control;
    await applyBase(api, fileURLToPath(new URL("../../deploy/kustomize/base", import.meta.url)));
    for (const node of nodes) await createNode(api, node.name, node.address);
    await writeServerKubeconfig(api, serverKubeconfig(folders));
    const server = startServer(runtime, folders, {
      name: "server",
      kubeconfig: serverKubeconfig(folders),
    });
    await untilReady(server, serverOrigin);
    print("up: server");
    await copyPublishedCa(api, folders);
    const first = await joinCluster(runtime, folders, api, nodes[0]);
    const second = await joinCluster(runtime, folders, api, nodes[1]);
    print("up: an agent on each node");
    return new Stage(runtime, folders, builds, { control, metadata, sts, server, first, second });
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

  /** A namespace in which roles of these names are permitted. */
  async namespace(name: string, permitted?: string): Promise<void> {
    await createNamespace(
      this.api,
      name,
      permitted === undefined ? {} : { "iam.amazonaws.com/permitted": permitted },
    );
  }

  /** Restarts a node's agent with other flags. */
  async restartAgent(member: Member, options: Omit<AgentWish, "node"> = {}): Promise<void> {
    const { node } = member;
    await member.running.stop();
    member.running = startAgent(this.runtime, this.folders, { node, ...options });
    await untilReady(member.running, agentOrigin(node));
  }

  /** A second server beside the first while `use` runs; it has to end with 0. */
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
    const code = await this.server.stop(8000);
    this.server = startServer(this.runtime, this.folders, {
      name: "server",
      kubeconfig: serverKubeconfig(this.folders),
      flags,
    });
    return code;
  }

  /** Whatever has ended runs again. */
  async mend(): Promise<void> {
    await this.control.resumeApi();
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
    await this.sts.stop(2000);
    await this.control.stop();
  }

  async #rotateTokens(): Promise<void> {
    for (const { node, pod } of [this.first, this.second]) {
      replaceFile(tokenFile(this.folders, node), await agentToken(this.api, pod));
    }
  }
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
