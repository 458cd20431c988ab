/**
 * Identifies agents: an agent is the pod that its token is bound to, on the node where the server's
 * own index has that pod. No other token is accepted.
 */
import { type PodFacts, tokenSubject } from "../../policy/facts.ts";
import type { ClusterIndex } from "../cluster/cluster_index.ts";
import type { ReviewedTokens } from "./reviewed_tokens.ts";
import { type Refusal, refuse } from "./refusal.ts";

export interface Agent {
  readonly kind: "agent";
  readonly node: string;
  readonly podUid: string;
  readonly podName: string;
  /** When its token expires, milliseconds since the epoch. */
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

/** Identifies the agent by an `Authorization` header; attempts are limited per `peer`. */
export type IdentifyAgent = (
  authorization: string | undefined,
  peer: string,
) => Promise<Agent | Refusal>;

/**
 * The token must be for our audience, belong to the agents' ServiceAccount, and be bound to a live
 * pod of it. That pod's node is the agent's; if the token names a node, it must be the same one. A
 * valid token bound to a pod that isn't in the index yet gets 503, not 403: a new agent's first
 * request can arrive before the watch event, and a retry helps.
 */
export function agentIdentity(options: AgentIdentityOptions): IdentifyAgent {
  const { index, tokens, audience, serviceAccount } = options;
  const { namespace, name } = serviceAccount;
  const username = tokenSubject({ namespace, serviceAccount: name });
  return async (authorization, peer) => {
    const token = await tokens.review(authorization, audience, peer);
    if (token.kind === "refusal") return token;
    if (token.username !== username) {
      return refuse(403, "the token does not belong to the agents' ServiceAccount");
    }
    if (token.podUid === null || token.podName === null) {
      return refuse(403, "the token is not bound to a pod; agents use a projected token");
    }
    const pod = index.pod(token.podUid);
    if (pod === undefined) {
      return refuse(503, "this server's watch has not seen the agent's pod yet; retry");
    }
    const node = pod.nodeName;
    if (!isAgentPod(pod, token.podName, serviceAccount) || node === null) {
      return refuse(403, "the token's pod is not a running agent");
    }
    if (token.nodeName !== null && token.nodeName !== node) {
      return refuse(403, "the token names another node than its pod's");
    }
    return { kind: "agent", node, podUid: pod.uid, podName: pod.name, expiresAt: token.expiresAt };
  };
}

/** Whether the pod is the token's, and alive. */
export function isAgentPod(
  pod: PodFacts,
  name: string,
  serviceAccount: { readonly namespace: string; readonly name: string },
): boolean {
  return pod.name === name && pod.namespace === serviceAccount.namespace &&
    pod.serviceAccount === serviceAccount.name && !pod.terminal && pod.mirror === null;
}
