/** Where the scenarios run: a cluster, what is installed on it, and its STS. */
import type { KubeApi } from "../system/kube_api.ts";
import type { InstanceMetadata } from "../system/instance_metadata.ts";
import type { ClusterNode } from "./cluster_node.ts";
import type { Kubectl } from "./kubectl.ts";

export interface Site {
  readonly kubectl: Kubectl;
  /** A kustomization to install, with image and STS endpoint set. */
  readonly overlay: string;
  /** The matching kustomization that removes the rules. */
  readonly uninstall: string;
  /** Has Deno and the program. */
  readonly image: string;
  /** Has the AWS SDK for Go as its entry point. */
  readonly sdkImage: string;
  /** moto's, as this process reaches it. */
  readonly stsUrl: string;
  /** What only nodes of our own can show; null on a cluster that was given. */
  readonly own: OwnNodes | null;
}

export interface OwnNodes {
  readonly nodes: readonly ClusterNode[];
  /** The API server, reached with the certificate of a node's kubelet. */
  thief(node: ClusterNode): Promise<KubeApi>;
  readonly metadata: InstanceMetadata;
  /** Stops the API server for that long; settles once it is ready again. */
  withoutApi(ms: number): Promise<void>;
  /** Runs `meanwhile` while STS accepts connections but doesn't answer. */
  withoutSts(meanwhile: () => Promise<void>): Promise<void>;
  /** Files that define the custom resources which components use. */
  readonly customResources: readonly string[];
}
