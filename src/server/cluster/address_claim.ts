/**
 * Which of several pods an address belongs to. Only what the API says counts here; what the node's
 * container runtime knows is the agent's evidence.
 */
import type { PodFacts } from "../../policy/facts.ts";

export type Claim =
  | { readonly kind: "none" }
  | { readonly kind: "pod"; readonly pod: PodFacts }
  | { readonly kind: "conflict" };

/**
 * The pod that may speak for `ip`. Terminal pods have no address any more and host-network pods
 * are never found by address. A terminating pod keeps its address until a newer pod has it; any
 * other two claims are a conflict, and the answer then is to neither.
 */
export function claimOf(ip: string, pods: Iterable<PodFacts>): Claim {
  const claims = [...pods].filter((pod) => mayClaim(pod, ip));
  const newest = claims.sort(byCreation).at(-1);
  if (newest === undefined) return { kind: "none" };
  const yields = (pod: PodFacts) =>
    pod === newest || (pod.terminating && pod.createdAt < newest.createdAt);
  return claims.every(yields) ? { kind: "pod", pod: newest } : { kind: "conflict" };
}

function mayClaim(pod: PodFacts, ip: string): boolean {
  return !pod.terminal && !pod.hostNetwork && pod.ips.includes(ip);
}

/** `creationTimestamp` is always UTC in whole seconds, so its text sorts as its time does. */
function byCreation(a: PodFacts, b: PodFacts): number {
  return a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : 0;
}
