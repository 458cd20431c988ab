/**
 * Who asks: an agent is the pod its token is bound to, and the node that pod runs on, as the
 * server's own watch knows it. A stolen token of anything else opens nothing.
 */
import type { PodFacts } from "../../policy/facts.ts";
import type { ClusterIndex } from "../cluster/cluster_index.ts";
import type { ReviewedTokens } from "./reviewed_tokens.ts";
import { type Refusal, refuse } from "./refusal.ts";

export interface Agent {
  readonly kind: "agent";
  readonly node: string;
  readonly podUid: string;
  readonly podName: string;
  /** When its token ends, milliseconds since the epoch. */
  readonly expiresAt: number;
}

interface AgentIdentityOptions {
  readonly index: ClusterIndex;
  readonly tokens: ReviewedTokens;
  /** `rolecall-server` by default. */
  readonly audience: string;
  /** The agents' ServiceAccount. */
  readonly serviceAccount: { readonly namespace: string; readonly name: string };
}

/** Tells the agent behind an `Authorization` header; `peer` counts its attempts. */
export type IdentifyAgent = (
  authorization: string | undefined,
  peer: string,
) => Promise<Agent | Refusal>;

/**
 * The token has to be for our audience, of the agents' ServiceAccount, and bound to a pod of it that
 * lives; the pod's node is the agent's, and where the token names a node too they agree. A token
 * that is genuine but bound to a pod that the watch doesn't know yet gets 503, not 403: a new
 * agent's first request can overtake the watch by a moment, and asking again helps.
 */
export function agentIdentity(options: AgentIdentityOptions): IdentifyAgent {
  const { index, tokens, audience, serviceAccount } = options;
  const username = `system:serviceaccount:${serviceAccount.namespace}:${serviceAccount.name}`;
  return async (authorization, peer) => {
    const token = await tokens.review(authorization, audience, peer);
    if (token.kind === "refusal") return token;
    if (token.username !== username) return refuse(403, "the token is not the agents'");
    if (token.podUid === null || token.podName === null) {
      return refuse(403, "the token is not bound to a pod; agents use a projected token");
    }
    const pod = index.pod(token.podUid);
    if (pod === undefined) return refuse(503, "the agent's pod is not in this server's watch yet");
    const node = pod.nodeName;
    if (!isAgentPod(pod, token.podName, serviceAccount) || node === null) {
      return refuse(403, "the token's pod is not a live agent");
    }
    if (token.nodeName !== null && token.nodeName !== node) {
      return refuse(403, "the token's node is not its pod's");
    }
    return { kind: "agent", node, podUid: pod.uid, podName: pod.name, expiresAt: token.expiresAt };
  };
}

/** Whether the pod is what the token says, and lives. */
export function isAgentPod(
  pod: PodFacts,
  name: string,
  serviceAccount: { readonly namespace: string; readonly name: string },
): boolean {
  return pod.name === name && pod.namespace === serviceAccount.namespace &&
    pod.serviceAccount === serviceAccount.name && !pod.terminal && !pod.mirror;
}
