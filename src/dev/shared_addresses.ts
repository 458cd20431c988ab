/** Addresses that several pods claim: which of them get no answer there, by the agent's own rule. */
import { claimant } from "../net/address_claim.ts";
import type { PodFacts } from "../policy/facts.ts";

/** At `address` the pod can't be distinguished from another one, or is taken for a newer one. */
export interface NotAnswered {
  readonly address: string;
  /** `another pod claims 127.0.0.9 too`. */
  readonly reason: string;
}

/** By UID; a pod that isn't in the map gets answers at all its addresses. */
export function notAnswered(pods: Iterable<PodFacts>): ReadonlyMap<string, NotAnswered[]> {
  const claims = new Map<string, PodFacts[]>();
  for (const pod of pods) {
    if (pod.hostNetwork || pod.terminal) continue;
    for (const ip of pod.ips) claims.set(ip, [...claims.get(ip) ?? [], pod]);
  }
  const found = new Map<string, NotAnswered[]>();
  for (const [address, claiming] of claims) {
    const holder = claimant(claiming);
    const reason = holder === undefined
      ? `another pod claims ${address} too`
      : `a newer pod has ${address}`;
    for (const { uid } of claiming.filter((pod) => pod !== holder)) {
      found.set(uid, [...found.get(uid) ?? [], { address, reason }]);
    }
  }
  return found;
}
