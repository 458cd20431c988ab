/** Which pod has an address, among those that may have one at all. */
import { claimant } from "../../net/address_claim.ts";
import type { PodFacts } from "../../policy/facts.ts";

export type Claim =
  | { readonly kind: "none" }
  | { readonly kind: "pod"; readonly pod: PodFacts }
  | { readonly kind: "conflict" };

/** Terminal pods have no address any more; host-network pods are never looked up by address. */
export function claimOf(ip: string, pods: Iterable<PodFacts>): Claim {
  const claims = [...pods].filter((pod) =>
    !pod.terminal && !pod.hostNetwork && pod.ips.includes(ip)
  );
  if (claims.length === 0) return { kind: "none" };
  const pod = claimant(claims);
  return pod === undefined ? { kind: "conflict" } : { kind: "pod", pod };
}
